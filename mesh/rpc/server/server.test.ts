import { type ClientReadableStream, Metadata, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ImportStockResponse,
  InventoryServiceClient,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import {
  type GetOrderResponse,
  Order,
  OrdersServiceClient,
  OrdersServiceDefinition,
  type WatchOrderResponse,
} from '../../../gen/shop/orders/v1/orders.ts';
import {
  Pick,
  PickOrdersRequest,
  type PickOrdersResponse,
  WarehouseServiceClient,
  WarehouseServiceDefinition,
} from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { weftImage } from '../../schema/image.ts';
import type { HandlerContext } from './implementation.ts';
import { createServer } from './server.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const unused = (): Promise<never> => Promise.reject(new Error('not called in this test'));

let shop: TestServer;
let seen: HandlerContext | undefined;

beforeAll(async () => {
  shop = await startTestServer((server) => {
    server.add(OrdersServiceDefinition, {
      placeOrder: unused,
      getOrder({ orderId }, context) {
        seen = context;
        context.setHeader('x-instance', 'orders-1');
        context.setHeader('x-sum-bin', Buffer.from([1, 2, 255]));
        context.setTrailer('x-rows', '1');
        return Promise.resolve({ order: Order.create({ orderId }) });
      },
      async *watchOrder({ orderId }, context) {
        context.setHeader('x-instance', 'orders-1');
        context.setTrailer('x-changes', '3');
        for (const status of [1, 2, 4] as const) {
          yield { order: Order.create({ orderId, status }) };
          // The rest of the body runs in the context of the reader, unless the server takes care.
          expect(currentContext().trace?.traceId).toBe(context.trace.traceId);
        }
      },
    });
    server.add(InventoryServiceDefinition, {
      reserve: unused,
      getStock: unused,
      async importStock(requests) {
        let articles = 0;
        let pieces = 0n;
        for await (const { quantity } of requests) {
          articles++;
          pieces += BigInt(quantity);
        }
        return { articles, pieces, alreadyBooked: false };
      },
    });
    server.add(WarehouseServiceDefinition, {
      getPick: unused,
      async *pickOrders(requests) {
        for await (const { message } of requests) {
          if (message?.$case !== 'packed') continue;
          const { orderId } = message.value;
          if (orderId === 'last') return;
          yield { pick: Pick.create({ orderId }) };
        }
      },
    });
  });
});

afterAll(() => shop.close());

function getOrder(metadata = new Metadata(), timeoutMs?: number): Promise<Answer> {
  const client = shop.client(OrdersServiceClient);
  const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    const answer: Partial<Answer> = {};
    const call = client.getOrder({ orderId: 'ord_1' }, metadata, options, (error, response) => {
      if (error) reject(error);
      answer.response = response;
    });
    call.on('metadata', (headers) => {
      answer.headers = headers;
    });
    call.on('status', ({ metadata: trailers }) => {
      resolve({ ...answer, trailers } as Answer);
    });
  });
}

interface Answer {
  response: GetOrderResponse;
  headers: Metadata;
  trailers: Metadata;
}

describe('the four kinds of call', () => {
  test('unary: the promise of the handler is the answer, with headers and trailers', async () => {
    const { response, headers, trailers } = await getOrder();
    expect(response.order?.orderId).toBe('ord_1');
    expect(headers.get('x-instance')).toEqual(['orders-1']);
    expect(headers.get('x-sum-bin')).toEqual([Buffer.from([1, 2, 255])]);
    expect(trailers.get('x-rows')).toEqual(['1']);
  });

  test('server stream: what the generator yields is sent, then the trailers', async () => {
    const stream = shop.client(OrdersServiceClient).watchOrder({ orderId: 'ord_1' });
    const trailers = trailersOf(stream);
    const statuses: unknown[] = [];
    for await (const { order } of read<WatchOrderResponse>(stream)) statuses.push(order?.status);
    expect(statuses).toEqual([1, 2, 4]);
    expect((await trailers).get('x-changes')).toEqual(['3']);
  });

  test('client stream: the handler reads all requests and answers once', async () => {
    const client = shop.client(InventoryServiceClient);
    const answer = await new Promise<ImportStockResponse>((resolve, reject) => {
      const call = client.importStock((error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
      for (let i = 1; i <= 100; i++) {
        call.write({
          deliveryId: 'd-1',
          sku: `sku-${String(i)}`,
          quantity: i,
          unitPrice: undefined,
        });
      }
      call.end();
    });
    expect(answer).toMatchObject({ articles: 100, pieces: 5050n });
  });

  test('bidi: both directions go on at the same time, and the handler may end first', async () => {
    const call = shop.client(WarehouseServiceClient).pickOrders();
    const answers: string[] = [];
    const next = (orderId: string): void => {
      call.write(PickOrdersRequest.create({ message: { $case: 'packed', value: { orderId } } }));
    };
    next('first');
    for await (const { pick } of read<PickOrdersResponse>(call)) {
      answers.push(pick?.orderId ?? '');
      next(answers.length < 3 ? `order-${String(answers.length)}` : 'last');
    }
    expect(answers).toEqual(['first', 'order-1', 'order-2']);
  });
});

describe('what a handler knows of its call', () => {
  test('metadata, attempt, peer and the trace of the caller', async () => {
    const metadata = new Metadata();
    metadata.set('x-tenant', 'blue');
    metadata.set('traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
    metadata.set('grpc-previous-rpc-attempts', '2');
    await getOrder(metadata);
    expect(seen?.metadata['x-tenant']).toBe('blue');
    expect(seen?.attempt).toBe(3);
    expect(seen?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(seen?.trace.traceId).toBe('a'.repeat(32));
    expect(seen?.parentSpanId).toBe('b'.repeat(16));
    expect(seen?.method).toMatchObject({ name: 'GetOrder', kind: 'unary' });
  });

  test('the deadline of the caller, as what is left; none if the caller set none', async () => {
    await getOrder(new Metadata(), 5000);
    const left = (seen?.deadline?.at ?? 0) - performance.now();
    expect(left).toBeGreaterThan(4000);
    expect(left).toBeLessThanOrEqual(5000);
    await getOrder();
    expect(seen?.deadline).toBeUndefined();
  });

  test('a header after the first message is refused with what to do instead', async () => {
    const { server, client, close } = await startTestServer((own) => {
      own.add(OrdersServiceDefinition, {
        placeOrder: unused,
        getOrder: unused,
        async *watchOrder(_request, { setHeader }) {
          yield { order: undefined };
          setHeader('x-late', '1');
        },
      });
    });
    expect(server).toBeDefined();
    const stream = client(OrdersServiceClient).watchOrder({ orderId: 'ord_1' });
    const error = await errorOf(stream);
    expect(error.details).toContain('after its first message; set it before, or as a trailer');
    await close();
  });
});

describe('spans', () => {
  test('one server span a call, under the span of the caller', async () => {
    shop.spans.length = 0;
    const metadata = new Metadata();
    metadata.set('traceparent', `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`);
    await getOrder(metadata);
    expect(shop.spans).toEqual([
      expect.objectContaining({
        traceId: 'c'.repeat(32),
        parentSpanId: 'd'.repeat(16),
        kind: 'server',
        name: 'shop.orders.v1.OrdersService/GetOrder',
        status: 'OK',
        attempts: 1,
      }),
    ]);
    expect(shop.spans[0]?.spanId).not.toBe('d'.repeat(16));
  });
});

describe('a server that is put together wrongly', () => {
  const image = { image: weftImage() };

  test('says at once which handler is missing, and what is not in the image', () => {
    const server = createServer(image);
    expect(() => {
      // @ts-expect-error a handler for each method, or it does not compile
      server.add(OrdersServiceDefinition, { getOrder: unused });
    }).toThrow('has no handler for PlaceOrder, WatchOrder');
    const stranger = { ...OrdersServiceDefinition, fullName: 'shop.Stranger' };
    expect(() => {
      server.add(stranger, { placeOrder: unused, getOrder: unused, watchOrder: never });
    }).toThrow(/shop.Stranger is not in the image/);
  });

  test('refuses a service twice, and a service after it listens', async () => {
    const server = createServer(image);
    const orders = { placeOrder: unused, getOrder: unused, watchOrder: never };
    server.add(OrdersServiceDefinition, orders);
    expect(() => {
      server.add(OrdersServiceDefinition, orders);
    }).toThrow(/served already/);
    await server.listen();
    expect(() => {
      server.add(InventoryServiceDefinition, {
        reserve: unused,
        getStock: unused,
        importStock: unused,
      });
    }).toThrow(/listens already/);
    await server.close();
  });

  test('names the address that cannot be had', async () => {
    const server = createServer(image);
    const thrown = await server.listen({ port: shop.port }).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(MeshError);
    expect(thrown).toMatchObject({ status: 'UNAVAILABLE', reason: 'CANNOT_LISTEN' });
    expect(String(thrown)).toContain(`127.0.0.1:${String(shop.port)}`);
    await server.close();
  });
});

async function* never(): AsyncGenerator<never> {
  yield* [];
}

/** grpc-js's streams iterate over `any`. */
function read<T>(stream: AsyncIterable<unknown>): AsyncIterable<T> {
  return stream as AsyncIterable<T>;
}

function trailersOf(stream: ClientReadableStream<unknown>): Promise<Metadata> {
  return new Promise((resolve) => {
    stream.on('status', ({ metadata }) => {
      resolve(metadata);
    });
  });
}

function errorOf(stream: ClientReadableStream<unknown>): Promise<ServiceError> {
  return new Promise((resolve) => {
    stream.on('data', () => undefined);
    stream.on('error', (error) => {
      resolve(error as ServiceError);
    });
  });
}
