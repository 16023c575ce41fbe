import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionService,
} from '../../../gen/grpc/reflection/v1alpha/reflection.ts';
import {
  type ImportStockRequest,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { Order, OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import { Pick, WarehouseServiceDefinition } from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { MeshError } from '../../kernel/error.ts';
import { weftImage } from '../../schema/image.ts';
import { eventually } from '../../testing/eventually.ts';
import type { HandlerContext } from '../server/implementation.ts';
import { createReflection } from '../server/reflection.ts';
import { startTestServer, type TestServer } from '../server/test-server.ts';
import { callDynamic, type DynamicCall } from './call.ts';
import { describeSymbol, summarize } from './describe.ts';
import { readSchema } from './schema.ts';

type ReflectionStream = ServerDuplexStream<ServerReflectionRequest, ServerReflectionResponse>;

let shop: TestServer;
let placed = 0;
let imported: number[] | undefined;
let watching = 0;

beforeAll(async () => {
  shop = await startTestServer(
    (server) => {
      server.add(OrdersServiceDefinition, {
        placeOrder({ idempotencyKey, lines }) {
          placed++;
          const createdAt = { seconds: 1_700_000_000n, nanos: 0 };
          const total = { minorUnits: 9_007_199_254_740_993n, currencyCode: 'EUR' };
          const order = { orderId: idempotencyKey, lines, status: 2 as const, total, createdAt };
          return Promise.resolve({ order: Order.create(order) });
        },
        getOrder: ({ orderId }) => {
          const message = `no order ${orderId}`;
          const details = { facts: { known: '3' } };
          throw new MeshError(message, { status: 'NOT_FOUND', reason: 'UNKNOWN_ORDER', details });
        },
        async *watchOrder({ orderId }, { signal }) {
          watching++;
          for (const status of [1, 2] as const) yield { order: Order.create({ orderId, status }) };
          if (orderId === 'endless') {
            await new Promise((resolve) => {
              signal.addEventListener('abort', resolve);
            });
            watching--;
          }
        },
      });
      server.add(InventoryServiceDefinition, {
        reserve: () => Promise.reject(new Error('not called in this test')),
        getStock: () => Promise.reject(new Error('not called in this test')),
        async importStock(requests: AsyncIterable<ImportStockRequest>) {
          const quantities: number[] = [];
          for await (const { quantity } of requests) quantities.push(quantity);
          imported = quantities;
          return { articles: quantities.length, pieces: 5n, alreadyBooked: false };
        },
      });
      server.add(WarehouseServiceDefinition, {
        getPick: () => Promise.reject(new Error('not called in this test')),
        async *pickOrders(requests) {
          for await (const { message } of requests) {
            const orderId = message?.$case === 'packed' ? message.value.orderId : 'ready';
            yield { pick: Pick.create({ orderId }) };
          }
        },
      });
    },
    { resetGraceMs: 500 },
  );
});

afterAll(() => shop.close());

beforeEach(() => {
  placed = 0;
  imported = undefined;
});

const orders = 'shop.orders.v1.OrdersService';

async function call(
  method: string,
  messages: NonNullable<DynamicCall['messages']>,
  more: Partial<DynamicCall> = {},
): Promise<unknown[]> {
  const answers: unknown[] = [];
  const options = { address: shop.address, method, messages, ...more };
  for await (const answer of callDynamic(options)) answers.push(answer);
  return answers;
}

async function failure(answers: Promise<unknown>): Promise<MeshError> {
  const thrown: unknown = await answers.then(
    () => new Error('the call did not fail'),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(MeshError);
  return thrown as MeshError;
}

const order = {
  idempotencyKey: 'key-00000001',
  customer_id: 'cus_1',
  lines: [{ sku: 'TEA', quantity: 2 }],
  cardToken: 'tok_visa',
};

describe('a call by a name alone', () => {
  test('unary: JSON in either spelling, canonical JSON back, large numbers and times whole', async () => {
    const [answer] = await call(`${orders}/PlaceOrder`, [order]);
    expect(answer).toEqual({
      order: {
        orderId: 'key-00000001',
        customerId: '',
        lines: [{ sku: 'TEA', quantity: 2 }],
        status: 'ORDER_STATUS_CONFIRMED',
        declineReason: '',
        total: { minorUnits: '9007199254740993', currencyCode: 'EUR' },
        createdAt: '2023-11-14T22:13:20Z',
      },
    });
  });

  test('server stream: one answer after the other', async () => {
    const answers = await call(`/${orders}.WatchOrder`, [{ order_id: 'ord_1' }]);
    expect(answers).toMatchObject([
      { order: { status: 'ORDER_STATUS_PENDING' } },
      { order: { status: 'ORDER_STATUS_CONFIRMED' } },
    ]);
  });

  test('client stream: several requests, one answer', async () => {
    const one = { delivery_id: 'd-1', sku: 'TEA', quantity: 2 };
    const method = 'shop.inventory.v1.InventoryService/ImportStock';
    const [answer] = await call(method, [one, { ...one, quantity: 3 }]);
    expect(answer).toEqual({ articles: 2, pieces: '5', alreadyBooked: false });
    expect(imported).toEqual([2, 3]);
  });

  test('bidi: each answer may decide the next request', async () => {
    const asked: string[] = [];
    let answered: (() => void) | undefined;
    async function* terminal(): AsyncGenerator {
      yield { ready: { terminal_id: 't-1', capacity: 1 } };
      while (asked.length < 3) {
        await new Promise<void>((resolve) => {
          answered = resolve;
        });
        yield { packed: { orderId: `after-${asked.at(-1) ?? ''}` } };
      }
    }
    const method = 'shop.warehouse.v1.WarehouseService/PickOrders';
    const messages = terminal();
    for await (const answer of callDynamic({ address: shop.address, method, messages })) {
      asked.push((answer as { pick: { orderId: string } }).pick.orderId);
      answered?.();
      if (asked.length === 3) break;
    }
    expect(asked).toEqual(['ready', 'after-ready', 'after-after-ready']);
  });

  test('gives up with its signal', async () => {
    const controller = new AbortController();
    const endless = failure(
      call(`${orders}/WatchOrder`, [{ orderId: 'endless' }], { signal: controller.signal }),
    );
    await eventually(() => watching > 0);
    controller.abort();
    expect((await endless).status).toBe('CANCELLED');
    await eventually(() => watching >= 0);
  });
});

describe('a call that cannot be', () => {
  test('fails as the handler meant it, with reason and facts', async () => {
    const error = await failure(call(`${orders}/GetOrder`, [{ orderId: 'ord_9' }]));
    expect(error).toMatchObject({ status: 'NOT_FOUND', reason: 'UNKNOWN_ORDER' });
    expect(error.details.facts).toMatchObject({ known: '3', endpoint: shop.address });
  });

  test('names every field at fault that the server found', async () => {
    const error = await failure(call(`${orders}/PlaceOrder`, [{ ...order, lines: [] }]));
    expect(error.details.violations).toEqual([expect.objectContaining({ field: 'lines' })]);
  });

  test('names what there is, when there is no such service or method', async () => {
    const noMethod = await failure(call(`${orders}/Place`, [{}]));
    expect(noMethod.rawMessage).toBe(
      `${orders} has no method Place; it has PlaceOrder, GetOrder, WatchOrder`,
    );
    const noService = await failure(call('shop.Nothing/Get', [{}]));
    expect(noService.rawMessage).toContain(
      `the server at ${shop.address} has no service shop.Nothing; it has grpc.health.v1.Health`,
    );
    expect((await failure(call('Nothing', [{}]))).rawMessage).toContain('is not a method');
  });

  test('sends nothing when a unary method is given none or two', async () => {
    expect((await failure(call(`${orders}/PlaceOrder`, [order, order]))).reason).toBe(
      'ONE_REQUEST',
    );
    expect((await failure(call(`${orders}/PlaceOrder`, []))).reason).toBe('ONE_REQUEST');
    expect(placed).toBe(0);
  });

  test('a request that is no such message ends a stream so that half of it is not taken for all', async () => {
    const one = { delivery_id: 'd-1', sku: 'TEA', quantity: 2 };
    const method = 'shop.inventory.v1.InventoryService/ImportStock';
    const error = await failure(call(method, [one, { ...one, quantity: 'many' }]));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_JSON' });
    expect(error.rawMessage).toContain('quantity');
    await eventually(() =>
      shop.spans.some(({ name, status }) => name === method && status === 'CANCELLED'),
    );
    expect(imported).toBeUndefined();
  });

  test('is UNAVAILABLE where nobody listens', async () => {
    const error = await failure(call(`${orders}/GetOrder`, [{}], { address: '127.0.0.1:1' }));
    expect(error.status).toBe('UNAVAILABLE');
    expect(error.rawMessage).toContain('127.0.0.1:1');
  });

  test('says so when the server does not tell its contracts', async () => {
    const silent = await startTestServer(() => undefined, { reflection: false });
    const error = await failure(call(`${orders}/GetOrder`, [{}], { address: silent.address }));
    expect(error).toMatchObject({ status: 'UNIMPLEMENTED', reason: 'NO_REFLECTION' });
    await silent.close();
  });
});

describe('what a server serves', () => {
  test('is listed with kinds and messages', async () => {
    const summary = summarize(await readSchema({ address: shop.address }));
    expect(summary.map(({ service }) => service)).toContain('grpc.health.v1.Health');
    expect(summary.find(({ service }) => service === orders)?.methods).toContainEqual({
      name: 'WatchOrder',
      kind: 'server stream',
      request: 'shop.orders.v1.WatchOrderRequest',
      response: 'shop.orders.v1.WatchOrderResponse',
    });
  });

  test('is described in the words of its proto file, rules included', async () => {
    const { image } = await readSchema({ address: shop.address, symbol: orders });
    const text = describeSymbol(image, `${orders}/PlaceOrder`);
    expect(text).toContain('rpc PlaceOrder(shop.orders.v1.PlaceOrderRequest) returns');
    expect(text).toContain(
      "string idempotency_key = 1; // required, 1 to 64 letters, digits, '_' or '-', at least 8 long",
    );
    expect(text).toContain('repeated shop.orders.v1.OrderLine lines = 3; // 1 to 100 elements');
    expect(text).toContain('int32 quantity = 2; // 1 to 1000');
    expect(text).toContain('message shop.money.v1.Money {');
    expect(describeSymbol(image, orders)).toContain('returns (stream shop.orders.v1.WatchOrder');
    expect(describeSymbol(image, 'shop.orders.v1.OrderStatus')).toContain(
      'ORDER_STATUS_PENDING = 1',
    );
    expect(() => describeSymbol(image, 'shop.Nothing')).toThrow(/weft call --list/);
  });
});

test('a server that only speaks reflection v1alpha is understood', async () => {
  const { serverReflectionInfo } = createReflection(weftImage(), () => [orders]);
  const context = { draining: new AbortController().signal } as HandlerContext;
  async function answer(stream: ReflectionStream): Promise<void> {
    for await (const each of serverReflectionInfo(stream, context)) stream.write(each);
    stream.end();
  }
  const old = new Server();
  old.addService(ServerReflectionService, {
    serverReflectionInfo: (stream: ReflectionStream) => {
      answer(stream).catch(() => undefined);
    },
  });
  const port = await new Promise<number>((resolve) => {
    old.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, bound) => {
      resolve(bound);
    });
  });
  const { services, image } = await readSchema({ address: `127.0.0.1:${port}` });
  expect(services).toEqual([orders]);
  expect(image.registry.getMessage('shop.money.v1.Money')).toBeDefined();
  old.forceShutdown();
});
