import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { GetOrderRequest, OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import type { MethodInfo } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import type { ServerMeter } from '../../telemetry/rpc-metrics.ts';
import { eventually } from '../../testing/eventually.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Requests as only a stranger sends them: slow, cut short, doubled, or marked as what they are not. */

let shop: TestServer;
let session: ClientHttp2Session;
let handled = 0;
/** What a stream of requests brought to its handler. */
const imported: string[] = [];
/** What the meters were told, as "method status transport sent received". */
const measured: string[] = [];

/** The paths under which calls of unknown methods were measured. */
const unknown = new Set<string>();

function meterOf({ name, path }: MethodInfo): ServerMeter {
  if (name === 'other') unknown.add(path);
  return {
    callStarted: () => undefined,
    callEnded: (...[status, ms, transport, sent, received]) => {
      expect(ms).toBeGreaterThanOrEqual(0);
      measured.push(`${name} ${status} ${transport} ${String(sent)} ${String(received)}`);
    },
  };
}

beforeAll(async () => {
  shop = await startTestServer(
    (server) => {
      server.add(OrdersServiceDefinition, {
        placeOrder: () => Promise.reject(new Error('not called')),
        getOrder: () => {
          handled++;
          return Promise.resolve({ order: undefined });
        },
        async *watchOrder() {
          yield { order: undefined };
          yield { order: undefined };
        },
      });
      server.add(InventoryServiceDefinition, {
        reserve: () => Promise.reject(new Error('not called')),
        getStock: () => Promise.reject(new Error('not called')),
        async importStock(requests) {
          try {
            for await (const { sku } of requests) imported.push(sku);
          } catch (thrown) {
            imported.push(MeshError.from(thrown).message);
            throw thrown;
          }
          return { articles: 0, pieces: 0n, alreadyBooked: false };
        },
      });
    },
    {
      requestTimeoutMs: 300,
      metrics: {
        server: meterOf,
        client: () => {
          throw new Error('no client here');
        },
      },
    },
  );
  session = connect(`http://${shop.address}`);
});

afterAll(async () => {
  session.destroy();
  await shop.close();
});

beforeEach(() => {
  handled = 0;
  measured.length = 0;
});

function request(
  method: string,
  headers: Record<string, string> = {},
  over = session,
): ClientHttp2Stream {
  const stream = over.request({
    ':method': 'POST',
    ':path': `/shop.orders.v1.OrdersService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  stream.resume();
  return stream;
}

/** Status and message, wherever they come: in the headers of an answer without a message, or behind it. */
function answer(stream: ClientHttp2Stream): Promise<{ status: unknown; message: string }> {
  return new Promise((resolve) => {
    const look = (headers: Record<string, unknown>): void => {
      const { 'grpc-status': status, 'grpc-message': message = '' } = headers;
      if (status !== undefined) {
        resolve({ status: Number(status), message: decodeURI(String(message)) });
      }
    };
    stream.on('response', look);
    stream.on('trailers', look);
  });
}

function framed(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const valid = GetOrderRequest.encode({ orderId: 'ord_1' }).finish();

describe('a request that never becomes complete', () => {
  test.each([
    ['no byte of it', Buffer.alloc(0)],
    ['half of its message', framed(valid).subarray(0, 7)],
    ['all of its message, but no end', framed(valid)],
  ])('is refused in time and gives its slot back: %s', async (_what, bytes) => {
    const stream = request('GetOrder');
    const closed = new Promise((resolve) => stream.on('close', resolve));
    if (bytes.length > 0) stream.write(bytes);
    const { status, message } = await answer(stream);
    expect(status).toBe(4);
    expect(message).toContain('OrdersService/GetOrder: the request was not complete within 0.3 s');
    // Without a word from this side: the server has reset the stream.
    await closed;
    expect(handled).toBe(0);
  });

  test('does not disturb those that are, nor a stream that takes its time', async () => {
    const slow = request('GetOrder');
    const refused = answer(slow);
    slow.write(framed(valid).subarray(0, 3));
    const watch = request('WatchOrder');
    watch.write(framed(valid));
    for (let i = 0; i < 20; i++) {
      const quick = request('GetOrder');
      quick.end(framed(valid));
      expect((await answer(quick)).status).toBe(0);
    }
    expect((await refused).status).toBe(4);
    const watched = answer(watch);
    watch.end();
    expect((await watched).status).toBe(0);
    expect(handled).toBe(20);
  });
});

describe('a unary request', () => {
  test('without a message, or with two, is UNIMPLEMENTED', async () => {
    const none = request('GetOrder');
    none.end();
    expect(await answer(none)).toMatchObject({ status: 12 });
    const two = request('GetOrder');
    two.end(Buffer.concat([framed(valid), framed(valid)]));
    expect(await answer(two)).toMatchObject({ status: 12 });
    expect(handled).toBe(0);
  });

  test('that is marked as compressed is read when it says how, and INTERNAL when not', async () => {
    const honest = request('GetOrder', { 'grpc-encoding': 'gzip' });
    honest.end(framed(gzipSync(valid), 1));
    expect(await answer(honest)).toMatchObject({ status: 0 });
    for (const bytes of [valid, Buffer.alloc(0)]) {
      const liar = request('GetOrder');
      liar.end(framed(bytes, 1));
      const { status, message } = await answer(liar);
      expect(status).toBe(13);
      expect(message).toContain('grpc-encoding');
    }
    expect(handled).toBe(1);
  });

  test('that is refused for its size says that it is not to be repeated', async () => {
    const stream = request('GetOrder', { 'x-filler': 'x'.repeat(9000) });
    const pushback = new Promise((resolve) => {
      stream.on('response', (headers) => {
        resolve(headers['grpc-retry-pushback-ms']);
      });
    });
    stream.end(framed(valid));
    expect(await pushback).toBe('-1');
  });
});

describe('a call that is refused before a handler sees it', () => {
  const tooLarge = framed(Buffer.alloc(2 * 1024 * 1024));
  const broken = framed(Buffer.from([0x0f]));

  test.each([
    ['without a message', 'GetOrder', [], 'GetOrder UNIMPLEMENTED'],
    ['with two messages', 'GetOrder', [framed(valid), framed(valid)], 'GetOrder UNIMPLEMENTED'],
    ['too large', 'GetOrder', [tooLarge], 'GetOrder RESOURCE_EXHAUSTED'],
    ['malformed', 'GetOrder', [broken], 'GetOrder INVALID_ARGUMENT'],
    ['against the rules', 'PlaceOrder', [framed(Buffer.alloc(0))], 'PlaceOrder INVALID_ARGUMENT'],
    ['a stream that is malformed', 'WatchOrder', [broken], 'WatchOrder INVALID_ARGUMENT'],
    ['a stream that is too large', 'WatchOrder', [tooLarge], 'WatchOrder RESOURCE_EXHAUSTED'],
    ['a stream without a message', 'WatchOrder', [], 'WatchOrder UNIMPLEMENTED'],
    ['of an unknown method', 'Nothing', [framed(valid)], 'other UNIMPLEMENTED'],
  ])('is measured with its status, once: %s', async (_what, method, parts, expected) => {
    const stream = request(method);
    stream.end(Buffer.concat(parts));
    await answer(stream);
    await eventually(() => measured.length === 1);
    expect(measured[0]).toContain(`${expected} plain 0 `);
    // Nothing comes behind it: the next call is the next to be measured.
    const next = request('GetOrder');
    next.end(framed(valid));
    await answer(next);
    await eventually(() => measured.length === 2);
    expect(measured[1]).toContain('GetOrder OK');
  });

  test('is measured when it was late, or its caller left before it was complete', async () => {
    const slow = request('GetOrder');
    slow.write(framed(valid).subarray(0, 7));
    await answer(slow);
    // A connection that breaks, and not a reset: node's client would put an end in front of that.
    const other = connect(`http://${shop.address}`);
    await new Promise((resolve) => other.on('connect', resolve));
    const left = request('GetOrder', {}, other);
    left.write(framed(valid).subarray(0, 7));
    // By the second answer the server has read what was sent before the second question.
    for (let i = 0; i < 2; i++) await new Promise((resolve) => other.ping(resolve));
    other.destroy();
    await eventually(() => measured.length === 2);
    expect(measured).toEqual([
      'GetOrder DEADLINE_EXCEEDED plain 0 0',
      'GetOrder CANCELLED plain 0 0',
    ]);
  });

  test('is measured with its status in the middle of a stream too, and its handler is told', async () => {
    const stream = request('', { ':path': '/shop.inventory.v1.InventoryService/ImportStock' });
    const first = { deliveryId: 'd-1', sku: 'TEA', quantity: 1, unitPrice: undefined };
    stream.write(framed(ImportStockRequest.encode(first).finish()));
    await eventually(() => imported.length === 1);
    stream.write(tooLarge);
    await answer(stream);
    await eventually(() => measured.length === 1);
    expect(measured[0]).toMatch(/^ImportStock RESOURCE_EXHAUSTED plain 0 /);
    expect(imported).toEqual(['TEA', expect.stringMatching(/ImportStock: .* larger than max/)]);
  });

  test('does not make series of what callers invent', async () => {
    const invented = ['OrdersService/Nothing', 'OrdersService/Nobody', 'NothingService/Get'];
    for (const path of invented) {
      const stream = request('', { ':path': `/shop.orders.v1.${path}` });
      stream.end(framed(valid));
      await answer(stream);
    }
    expect([...unknown]).toEqual(['/other']);
  });
});

describe('each call', () => {
  test('is measured once: status, transport, and the bytes of its messages', async () => {
    const quick = request('GetOrder');
    quick.end(framed(valid));
    await answer(quick);
    const bad = request('GetOrder');
    bad.end(framed(Buffer.from([0x0f])));
    await answer(bad);
    const watch = request('WatchOrder');
    watch.end(framed(valid));
    await answer(watch);
    await eventually(() => measured.length === 3);
    const size = String(valid.length);
    expect(measured).toEqual([
      `GetOrder OK plain 0 ${size}`,
      'GetOrder INVALID_ARGUMENT plain 0 1',
      `WatchOrder OK plain 0 ${size}`,
    ]);
  });
});
