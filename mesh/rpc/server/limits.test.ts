import { connect } from 'node:net';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  GetOrderRequest,
  Order,
  OrdersServiceClient,
  OrdersServiceDefinition,
  PlaceOrderRequest,
  WatchOrderRequest,
} from '../../../gen/shop/orders/v1/orders.ts';
import { eventually } from '../../testing/eventually.ts';
import { toMeshError } from '../status.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Hostile input: each answered with a precise status, and the server goes on (H1-H13 of the fault catalogue). */

let shop: TestServer;
let client: OrdersServiceClient;
const orders = '/shop.orders.v1.OrdersService';
const facts = { service: 'shop.orders.v1.OrdersService', method: 'any' };

beforeAll(async () => {
  const start = (): Promise<TestServer> =>
    startTestServer(
      (server) => {
        server.add(OrdersServiceDefinition, {
          placeOrder: () => Promise.resolve({ order: undefined }),
          getOrder: ({ orderId }) => {
            const declineReason = orderId === 'huge' ? 'x'.repeat(1024 * 1024) : '';
            return Promise.resolve({ order: Order.create({ orderId, declineReason }) });
          },
          async *watchOrder({ orderId }) {
            yield { order: Order.create({ orderId }) };
          },
        });
      },
      { handshakeTimeoutMs: 300 },
    );
  shop = await start();
  client = shop.client(OrdersServiceClient);
});

afterAll(() => shop.close());

afterEach(async () => {
  // Whatever happened: an honest caller is served. On a busy machine even his handshake may come too late.
  const honest = shop.client(OrdersServiceClient);
  const ask = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      honest.getOrder({ orderId: 'ord_1' }, (error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
    });
  const answer = await eventually(ask);
  expect(answer).toMatchObject({ order: { orderId: 'ord_1' } });
});

/** Sends these bytes to a path as one message, and gives the error. */
function send(path: string, bytes: Uint8Array, metadata = new Metadata()): Promise<ServiceError> {
  const same = (buffer: Buffer): Buffer => buffer;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(bytes), metadata, (error) => {
      if (error) resolve(error);
      else reject(new Error('the call did not fail'));
    });
  });
}

const valid = GetOrderRequest.encode({ orderId: 'ord_1' }).finish();

describe('messages', () => {
  test('an empty order is INVALID_ARGUMENT, with every field that is missing', async () => {
    const error = toMeshError(await send(`${orders}/PlaceOrder`, Buffer.alloc(0)), facts);
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
    expect(error.details.violations?.map(({ field }) => field)).toEqual([
      'idempotency_key',
      'customer_id',
      'lines',
      'card_token',
    ]);
  });

  test('of 5 MiB are RESOURCE_EXHAUSTED, with the limit', async () => {
    const request = PlaceOrderRequest.create({ cardToken: 'x'.repeat(5 * 1024 * 1024) });
    const error = await send(`${orders}/PlaceOrder`, PlaceOrderRequest.encode(request).finish());
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.details).toMatch(/larger than max \(\d+ vs 1048576\)/);
  });

  test('that are too large on the way back are refused before they are sent', async () => {
    const bytes = GetOrderRequest.encode({ orderId: 'huge' }).finish();
    const error = toMeshError(await send(`${orders}/GetOrder`, bytes), facts);
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'RESPONSE_TOO_LARGE' });
    expect(error.message).toMatch(/OrdersService\/GetOrder: the response has \d+ bytes/);
  });

  test.each([
    ['garbage', Buffer.from('not a message at all')],
    ['a field cut short', valid.subarray(0, valid.length - 1)],
    ['wire type 7', Buffer.from([0x0f])],
    ['a varint without end', Buffer.alloc(20, 0xff)],
    ['invalid UTF-8', Buffer.from([0x0a, 0x02, 0xc3, 0x28])],
  ])('that are malformed are INVALID_ARGUMENT: %s', async (_name, bytes) => {
    const error = toMeshError(await send(`${orders}/GetOrder`, bytes), facts);
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'MALFORMED_MESSAGE' });
    expect(error.message).toContain('OrdersService/GetOrder');
    expect(error.message).toContain('are not a shop.orders.v1.GetOrderRequest');
  });

  test('nested too deep for the reader are INVALID_ARGUMENT, not a crash', async () => {
    // Field 15 as a group within a group: 200 000 levels.
    const error = await send(`${orders}/GetOrder`, Buffer.alloc(200_000, 0x7b));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
  });

  test('that are malformed end a stream before its handler begins', async () => {
    const bytes = WatchOrderRequest.encode({ orderId: 'not an id' }).finish();
    const error = toMeshError(await send(`${orders}/WatchOrder`, bytes), facts);
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
  });
});

describe('methods', () => {
  test('that do not exist are UNIMPLEMENTED, with those that do', async () => {
    const error = toMeshError(await send(`${orders}/PlaceOrdr`, valid), facts);
    expect(error).toMatchObject({ status: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' });
    expect(error.rawMessage).toContain(
      'shop.orders.v1.OrdersService has no method "PlaceOrdr"; it has PlaceOrder, GetOrder, WatchOrder',
    );
  });

  test('of a service that is not served are UNIMPLEMENTED, with the services that are', async () => {
    const error = await send('/shop.Nothing/Get', valid);
    expect(error.code).toBe(status.UNIMPLEMENTED);
    expect(error.details).toContain(
      'this server has no service "shop.Nothing"; it has grpc.health',
    );
    expect((await send(`/${'x'.repeat(5000)}`, valid)).details.length).toBeLessThan(600);
  });
});

describe('metadata', () => {
  test('above 8 KiB is RESOURCE_EXHAUSTED, just below it passes', async () => {
    const metadata = new Metadata();
    for (let i = 0; i < 9; i++) metadata.set(`x-filler-${String(i)}`, 'x'.repeat(900));
    const error = toMeshError(await send(`${orders}/GetOrder`, valid, metadata), facts);
    expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'METADATA_TOO_LARGE' });
    expect(error.message).toMatch(/\d+ bytes of metadata, at most 8192 are taken/);
    const small = new Metadata();
    small.set('x-filler', 'x'.repeat(7900));
    await expect(send(`${orders}/GetOrder`, valid, small)).rejects.toThrow('did not fail');
  });

  test('in one header of 512 KiB ends the call', async () => {
    const metadata = new Metadata();
    metadata.set('x-filler', 'x'.repeat(512 * 1024));
    const error = await send(`${orders}/GetOrder`, valid, metadata);
    expect(error.code).not.toBe(status.OK);
  });

  test('with a timeout that has passed is refused before anything is decoded', async () => {
    const error = await new Promise<ServiceError>((resolve) => {
      const past = { deadline: Date.now() - 1000 };
      client.getOrder({ orderId: 'ord_1' }, new Metadata(), past, (thrown) => {
        if (thrown) resolve(thrown);
      });
    });
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
  });
});

describe('connections', () => {
  test('that speak no HTTP/2 are closed, the silent ones after the handshake timeout', async () => {
    expect(await ending('GET / HTTP/1.1\r\n\r\n')).toBe('closed');
    const begun = performance.now();
    expect(await ending('PRI * HTTP/2.0\r\n')).toBe('closed');
    expect(performance.now() - begun).toBeGreaterThan(250);
    expect(await ending('')).toBe('closed');
  });

  test('of honest clients outlive the handshake timeout', async () => {
    const own = shop.client(OrdersServiceClient);
    const peers = async (): Promise<string | undefined> => {
      await new Promise((resolve) => own.getOrder({ orderId: 'ord_1' }, resolve));
      return shop.spans.at(-1)?.peer;
    };
    const first = await peers();
    const begun = performance.now();
    await eventually(() => performance.now() - begun > 400);
    expect(await peers()).toBe(first);
  });
});

/** What becomes of a connection on which only `text` is sent. */
function ending(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(shop.port, '127.0.0.1', () => {
      if (text !== '') socket.write(text);
    });
    socket.on('data', () => undefined);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve('closed');
    });
  });
}
