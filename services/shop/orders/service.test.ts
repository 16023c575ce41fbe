import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ReserveOutcome } from '#gen/shop/inventory/v1/inventory.ts';
import { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import {
  type Order,
  OrderStatus,
  OrdersServiceDefinition,
  type PlaceOrderRequest,
} from '#gen/shop/orders/v1/orders.ts';
import { type Client, MeshError, type Origin, on } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import {
  createInProcessMesh,
  type InProcessInstance,
  type InProcessMesh,
} from '../../../mesh/testing/in-process.ts';
import { type Peers, startPeers } from './fake-peers.ts';
import { place } from './order.ts';
import { ordersParts } from './parts.ts';
import { createOrderStore, type OrdersDb, orderMigrations } from './store.ts';

/** How orders are decided in the running test. */
let flow: 'sync' | 'saga' = 'sync';
const fast = { resumeEveryMs: 50, watchPollMs: 50 };

let mesh: InProcessMesh;
let peers: Peers;
let orders: Client<OrdersServiceDefinition>;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-orders-'));
  mesh = createInProcessMesh();
  peers = await startPeers((app) => mesh.start(app));
  orders = mesh.client(OrdersServiceDefinition);
});

afterEach(async () => {
  await mesh.close();
  await rm(folder, { recursive: true, force: true });
});

function startOrders(): Promise<InProcessInstance<OrdersDb>> {
  return mesh.start<OrdersDb>({
    name: 'orders',
    store: `sqlite:${join(folder, 'orders.db')}`,
    migrations: orderMigrations,
    build: (tools) => ordersParts(tools, { ...fast, flow }),
  });
}

const request = (over: Partial<PlaceOrderRequest> = {}): PlaceOrderRequest => ({
  idempotencyKey: 'key-0001',
  customerId: 'ada',
  lines: [{ sku: 'TEA-GREEN', quantity: 2 }],
  cardToken: 'tok_visa',
  ...over,
});

async function placed(over: Partial<PlaceOrderRequest> = {}): Promise<Order> {
  const { order } = await orders.placeOrder(request(over));
  if (order === undefined) throw new Error('no order came');
  return order;
}

const now = async (orderId: string): Promise<Order | undefined> =>
  (await orders.getOrder({ orderId })).order;

// Both ways to a decision keep the same promises.
describe.each(['sync', 'saga'] as const)('PlaceOrder, decided by the flow "%s"', (way) => {
  beforeEach(() => {
    flow = way;
  });
  afterEach(() => {
    flow = 'sync';
  });

  test('answers with the confirmed order once stock and money are taken', async () => {
    await startOrders();
    const order = await placed();
    expect(order).toMatchObject({
      customerId: 'ada',
      status: OrderStatus.CONFIRMED,
      declineReason: '',
      total: { minorUnits: 900n, currencyCode: 'EUR' },
    });
    expect(order.orderId).toMatch(/^ord_[0-9A-Z]{26}$/);
    expect(peers.reserved).toMatchObject([{ orderId: order.orderId }]);
    expect(peers.charged).toMatchObject([{ orderId: order.orderId, amount: { minorUnits: 900n } }]);
    await eventually(() => peers.heard.length === 1);
    expect(peers.heard).toMatchObject([{ orderId: order.orderId, total: { minorUnits: 900n } }]);
  });

  test('adds up the lines of one article', async () => {
    await startOrders();
    const line = { sku: 'TEA-GREEN', quantity: 2 };
    expect((await placed({ lines: [line, line] })).lines).toEqual([{ ...line, quantity: 4 }]);
    expect(peers.reserved[0]?.lines).toEqual([{ ...line, quantity: 4 }]);
  });

  test('refuses lines of one article that add up to too many', async () => {
    await startOrders();
    const line = { sku: 'TEA-GREEN', quantity: 600 };
    const error = await errorOf(placed({ lines: [line, line] }));
    expect(error.status).toBe('INVALID_ARGUMENT');
    expect(error.details.violations).toMatchObject([{ field: 'lines[1].quantity', reason: 'MAX' }]);
    expect(peers.reserved).toEqual([]);
  });

  test('with the same key gives the same order once', async () => {
    await startOrders();
    const first = await placed();
    expect(await placed()).toEqual(first);
    expect(peers.charged).toHaveLength(1);
  });

  test('with the same key on two instances at once makes one order and one event', async () => {
    await startOrders();
    await startOrders();
    const all = await Promise.all(Array.from({ length: 12 }, () => placed()));
    expect(new Set(all.map(({ orderId }) => orderId)).size).toBe(1);
    expect(all.every(({ status }) => status === OrderStatus.CONFIRMED)).toBe(true);
    const other = await placed({ idempotencyKey: 'key-0002' });
    await eventually(() => peers.heard.some(({ orderId }) => orderId === other.orderId));
    expect(peers.heard.filter(({ orderId }) => orderId !== other.orderId)).toHaveLength(1);
  });

  test('with the same key and other content is refused', async () => {
    await startOrders();
    const { orderId } = await placed();
    const error = await errorOf(placed({ lines: [{ sku: 'TEA-GREEN', quantity: 3 }] }));
    expect(error).toMatchObject({ status: 'ALREADY_EXISTS', reason: 'IDEMPOTENCY_KEY_REUSED' });
    expect(error.details.facts).toMatchObject({ order_id: orderId });
  });

  test.each([
    ['OUT_OF_STOCK', ReserveOutcome.OUT_OF_STOCK],
    ['UNKNOWN_SKU', ReserveOutcome.UNKNOWN_SKU],
  ])('declines for %s without touching the card, and tells so', async (reason, outcome) => {
    peers.outcome = outcome;
    await startOrders();
    const order = await placed();
    expect(order).toMatchObject({ status: OrderStatus.DECLINED, declineReason: reason });
    expect(order.total).toBeUndefined();
    expect(peers.charged).toEqual([]);
    await eventually(() => peers.heard.length === 1);
    expect(peers.heard).toMatchObject([{ orderId: order.orderId, reason }]);
  });

  test('declines with the reason that payments gives', async () => {
    peers.refusal = 'CARD_DECLINED';
    await startOrders();
    expect(await placed()).toMatchObject({
      status: OrderStatus.DECLINED,
      declineReason: 'CARD_DECLINED',
      total: { minorUnits: 900n },
    });
    await eventually(() => peers.heard.length === 1);
    expect(peers.heard).toMatchObject([{ reason: 'CARD_DECLINED' }]);
  });

  test.each([
    ['is away', 'UNAVAILABLE', 'AWAY'],
    ['is broken', 'INTERNAL', 'BROKEN'],
  ] as const)(
    'while payments %s leaves the order pending, and it is decided later',
    async (_, status, reason) => {
      peers.failure = new MeshError('not now', { status, reason });
      await startOrders();
      const error = await errorOf(placed());
      expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'ORDER_PENDING' });
      expect(error.details.retryAfterMs).toBeGreaterThan(0);
      const orderId = error.details.facts?.['order_id'] ?? '';
      expect(await now(orderId)).toMatchObject({
        status: OrderStatus.PENDING,
        total: { minorUnits: 900n },
      });
      expect(peers.heard).toEqual([]);
      peers.failure = undefined;
      await eventually(async () => (await now(orderId))?.status === OrderStatus.CONFIRMED);
      expect(await placed()).toMatchObject({ orderId, status: OrderStatus.CONFIRMED });
      await eventually(() => peers.heard.length === 1);
    },
  );

  test('of an instance that died on the way is decided by another one', async () => {
    const instance = await startOrders();
    const placement = { ...request(), idempotencyKey: 'key-dead' };
    const told: Origin[] = [];
    const listen = on<OrderConfirmed, unknown>(
      OrderConfirmed,
      async (_, { trace: of, baggage }) => {
        told.push({ trace: of, baggage });
      },
    );
    await mesh.start({
      name: 'listener',
      build: () => ({ services: [], consumer: { handlers: [listen] } }),
    });
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state: 'rojo=1' };
    const origin = { trace, baggage: new Map([['tenant', { value: 'Amélie' }]]) };
    const entry = { fingerprint: 'f', leaseUntilMs: 0, origin };
    const order = place(placement, 'ord_dead', 1);
    await createOrderStore(instance.store).place(placement, order, entry);
    await eventually(async () => (await now('ord_dead'))?.status === OrderStatus.CONFIRMED);
    expect(peers.charged).toMatchObject([{ orderId: 'ord_dead', cardToken: 'tok_visa' }]);
    // What comes of it belongs to the call that placed it, whichever process goes on.
    await eventually(() => told.length === 1);
    const { traceId, state } = trace;
    expect(told[0]).toMatchObject({ trace: { traceId, state }, baggage: origin.baggage });
  });
});

/** Who watches, and what happens at each status. */
interface Watching {
  readonly client?: Client<OrdersServiceDefinition>;
  readonly onStatus?: (status: OrderStatus) => unknown;
}

describe('WatchOrder', () => {
  async function statusesOf(
    orderId: string,
    { client = orders, onStatus = () => undefined }: Watching = {},
  ): Promise<OrderStatus[]> {
    const seen: OrderStatus[] = [];
    for await (const { order } of client.watchOrder({ orderId })) {
      if (order === undefined) continue;
      seen.push(order.status);
      await onStatus(order.status);
    }
    return seen;
  }

  test('sends the order at once and at each change, and ends when it is shipped', async () => {
    await startOrders();
    const { orderId } = await placed();
    const onStatus = (status: OrderStatus): unknown =>
      status === OrderStatus.CONFIRMED && peers.ship(orderId);
    const statuses = await statusesOf(orderId, { onStatus });
    expect(statuses).toEqual([OrderStatus.CONFIRMED, OrderStatus.SHIPPED]);
    expect(await statusesOf(orderId)).toEqual([OrderStatus.SHIPPED]);
  });

  test('sees each change that another instance made', async () => {
    peers.failure = new MeshError('not now', { status: 'UNAVAILABLE', reason: 'AWAY' });
    const first = await startOrders();
    const watcher = await startOrders();
    const error = await errorOf(
      mesh.client(OrdersServiceDefinition, first.endpoint).placeOrder(request()),
    );
    const orderId = error.details.facts?.['order_id'] ?? '';
    const client = mesh.client(OrdersServiceDefinition, watcher.endpoint);
    const onStatus = async (status: OrderStatus): Promise<void> => {
      if (status === OrderStatus.PENDING) peers.failure = undefined;
      if (status === OrderStatus.CONFIRMED) await peers.ship(orderId);
    };
    expect(await statusesOf(orderId, { client, onStatus })).toEqual([
      OrderStatus.PENDING,
      OrderStatus.CONFIRMED,
      OrderStatus.SHIPPED,
    ]);
  });

  test('of a declined order ends at once', async () => {
    peers.refusal = 'CARD_DECLINED';
    await startOrders();
    expect(await statusesOf((await placed()).orderId)).toEqual([OrderStatus.DECLINED]);
  });

  test('ends with its caller', async () => {
    await startOrders();
    const { orderId } = await placed();
    const stop = new AbortController();
    const watching = (async () => {
      const updates = orders.watchOrder({ orderId }, { signal: stop.signal });
      for await (const { order } of updates) if (order !== undefined) stop.abort();
    })();
    expect((await errorOf(watching)).status).toBe('CANCELLED');
  });

  test('tells the caller to come again elsewhere when the instance leaves', async () => {
    const instance = await startOrders();
    const { orderId } = await placed();
    const client = mesh.client(OrdersServiceDefinition, instance.endpoint);
    const updates = client.watchOrder({ orderId })[Symbol.asyncIterator]();
    await updates.next();
    const [error] = await Promise.all([errorOf(updates.next()), instance.close()]);
    expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'INSTANCE_LEAVING' });
  });
});

test('an order that does not exist is NOT_FOUND, to get and to watch', async () => {
  await startOrders();
  const watch = orders.watchOrder({ orderId: 'ord_x' })[Symbol.asyncIterator]();
  for (const asked of [orders.getOrder({ orderId: 'ord_x' }), watch.next()]) {
    expect(await errorOf(asked)).toMatchObject({
      status: 'NOT_FOUND',
      reason: 'ORDER_NOT_FOUND',
    });
  }
});
