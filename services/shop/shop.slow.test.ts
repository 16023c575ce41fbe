/**
 * The whole shop in one process: the five services as their main.ts runs them, real sockets and real SQLite
 * files between them, memory in place of Consul and NATS.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Order, OrderStatus, PlaceOrderRequest } from '#gen/shop/orders/v1/orders.ts';
import { PaymentStatus } from '#gen/shop/payments/v1/payments.ts';
import { type PickOrdersRequest } from '#gen/shop/warehouse/v1/warehouse.ts';
import { type AppOptions } from '#mesh';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import {
  createInProcessMesh,
  type InProcessInstance,
  type InProcessMesh,
} from '../../mesh/testing/in-process.ts';
import { createPushable } from '../../mesh/testing/pushable.ts';
import { type RawCall, rawCall } from '../../mesh/testing/raw-call.ts';
import { inventoryParts } from './inventory/parts.ts';
import { inventoryMigrations } from './inventory/store.ts';
import { notificationsParts } from './notifications/parts.ts';
import { notificationMigrations } from './notifications/store.ts';
import { ordersParts } from './orders/parts.ts';
import { type OrdersDb, orderMigrations } from './orders/store.ts';
import { paymentsParts } from './payments/parts.ts';
import { paymentMigrations } from './payments/store.ts';
import { clientsOf } from './shop-clients.ts';
import { warehouseParts } from './warehouse/parts.ts';
import { type WarehouseDb, warehouseMigrations } from './warehouse/store.ts';

let lane: boolean;
let mesh: InProcessMesh;
let shop: ReturnType<typeof clientsOf>;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-shop-'));
  mesh = createInProcessMesh({ lane });
  shop = clientsOf(mesh);
});

afterEach(async () => {
  await mesh.close();
  await rm(folder, { recursive: true, force: true });
});

/** Instances of one service share a database, also with those that come later. */
function instance<DB>(
  name: string,
  app: Pick<AppOptions<DB>, 'migrations' | 'build'>,
): Promise<InProcessInstance<DB>> {
  return mesh.start<DB>({ name, store: `sqlite:${join(folder, `${name}.db`)}`, ...app });
}

const shopSettings = {
  ...{ resumeEveryMs: 100, watchPollMs: 50 },
  ...{ pickLeaseMs: 10_000, pickPollMs: 50 },
};

const start = {
  orders: () =>
    instance<OrdersDb>('orders', {
      migrations: orderMigrations,
      build: (tools) => ordersParts(tools, shopSettings),
    }),
  inventory: () =>
    instance('inventory', { migrations: inventoryMigrations, build: inventoryParts }),
  payments: () => instance('payments', { migrations: paymentMigrations, build: paymentsParts }),
  warehouse: () =>
    instance<WarehouseDb>('warehouse', {
      migrations: warehouseMigrations,
      build: (tools) => warehouseParts(tools, shopSettings),
    }),
  notifications: () =>
    instance('notifications', { migrations: notificationMigrations, build: notificationsParts }),
};

async function startAll() {
  return {
    inventory: await start.inventory(),
    payments: await start.payments(),
    orders: await start.orders(),
    warehouse: await start.warehouse(),
    notifications: await start.notifications(),
  };
}

let keys = 0;

function request(over: Partial<PlaceOrderRequest> = {}): PlaceOrderRequest {
  return {
    idempotencyKey: `key-${String(++keys).padStart(8, '0')}`,
    customerId: 'ada',
    lines: [{ sku: 'TEA-GREEN', quantity: 2 }],
    cardToken: 'tok_visa',
    ...over,
  };
}

async function placed(over: Partial<PlaceOrderRequest> = {}): Promise<Order> {
  const { order } = await shop.orders.placeOrder(request(over));
  if (order === undefined) throw new Error('no order came');
  return order;
}

/** Free and promised pieces. */
async function stockOf(sku: string): Promise<[number, number]> {
  const { item } = await shop.inventory.getStock({ sku });
  return [Number(item?.available), Number(item?.reserved)];
}

const textsAbout = async (orderId: string): Promise<string[]> =>
  (await shop.notifications.listNotifications({ orderId })).notifications.map(({ text }) => text);

/** A terminal that packs whatever it is given, until the end of the test. */
function workAsTerminal(): void {
  const says = createPushable<PickOrdersRequest>({
    message: { $case: 'ready', value: { terminalId: 'T1', capacity: 10 } },
  });
  const work = async (): Promise<void> => {
    for await (const { pick } of shop.warehouse.pickOrders(says)) {
      says.push({ message: { $case: 'packed', value: { orderId: pick?.orderId ?? '' } } });
    }
  };
  work().catch(() => undefined);
}

/** The same story both ways: whoever calls or handles sees no difference. */
describe.each([
  { way: 'by lane', asked: true },
  { way: 'plainly', asked: false },
])('$way', ({ asked }) => {
  beforeAll(() => {
    lane = asked;
  });

  describe('an order', () => {
    test('that succeeds goes all the way to the door', async () => {
      await startAll();
      workAsTerminal();
      const order = await placed({
        lines: [
          { sku: 'TEA-GREEN', quantity: 2 },
          { sku: 'MUG-WHITE', quantity: 1 },
        ],
      });
      expect(order).toMatchObject({
        status: OrderStatus.CONFIRMED,
        total: { minorUnits: 2100n, currencyCode: 'EUR' },
      });
      const { orderId } = order;
      const seen: OrderStatus[] = [];
      for await (const update of shop.orders.watchOrder({ orderId })) {
        if (update.order) seen.push(update.order.status);
      }
      expect(seen.at(-1)).toBe(OrderStatus.SHIPPED);
      expect((await shop.payments.getPayment({ orderId })).payment).toMatchObject({
        status: PaymentStatus.CHARGED,
        amount: { minorUnits: 2100n },
      });
      expect(await stockOf('TEA-GREEN')).toEqual([999_998, 2]);
      await eventually(async () => (await textsAbout(orderId)).length === 2);
      const told = (await textsAbout(orderId)).join(' ');
      expect(told).toContain('2 x TEA-GREEN, 1 x MUG-WHITE, 21.00 EUR');
      expect(told).toContain('on its way');
    });

    test.each([
      ['CARD_DECLINED', { cardToken: 'tok_declined' }, 'TEA-GREEN'],
      ['AMOUNT_TOO_HIGH', { lines: [{ sku: 'POT-IRON', quantity: 200 }] }, 'POT-IRON'],
    ])('refused by payments with %s gives its stock back', async (reason, over, sku) => {
      await startAll();
      const order = await placed(over);
      expect(order).toMatchObject({ status: OrderStatus.DECLINED, declineReason: reason });
      await eventually(async () => (await stockOf(sku))[1] === 0);
      expect(await stockOf(sku)).toEqual([1_000_000, 0]);
      await eventually(async () => (await textsAbout(order.orderId)).length === 1);
    });

    test('for the last piece is confirmed for one customer and declined for the others', async () => {
      await startAll();
      const lines = [{ sku: 'LAST-ONE', quantity: 1 }];
      const all = await Promise.all(Array.from({ length: 5 }, () => placed({ lines })));
      const confirmed = all.filter(({ status }) => status === OrderStatus.CONFIRMED);
      const declined = all.filter(({ declineReason }) => declineReason === 'OUT_OF_STOCK');
      expect([confirmed.length, declined.length]).toEqual([1, 4]);
      expect(await stockOf('LAST-ONE')).toEqual([0, 1]);
    });

    test('while warehouse and notifications are away is decided all the same, and carried on later', async () => {
      await start.orders();
      await start.inventory();
      await start.payments();
      const { orderId, status } = await placed();
      expect(status).toBe(OrderStatus.CONFIRMED);
      await start.warehouse();
      await start.notifications();
      workAsTerminal();
      await eventually(async () => (await textsAbout(orderId)).length === 2);
      await eventually(
        async () => (await shop.orders.getOrder({ orderId })).order?.status === OrderStatus.SHIPPED,
      );
    });

    test.each(['inventory', 'payments'] as const)(
      'while %s is away stays pending, and is decided once it is back',
      async (peer) => {
        const running = await startAll();
        // Known to the others before it leaves, as in life.
        await placed();
        await running[peer].close();
        const sent = request();
        const error = await errorOf(shop.orders.placeOrder(sent));
        expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'ORDER_PENDING' });
        const orderId = error.details.facts?.['order_id'] ?? '';
        const { order } = await shop.orders.getOrder({ orderId });
        expect(order?.status).toBe(OrderStatus.PENDING);
        await start[peer]();
        const decided = async (): Promise<boolean> =>
          (await shop.orders.getOrder({ orderId })).order?.status === OrderStatus.CONFIRMED;
        await eventually(decided, { withinMs: 20_000 });
        const again = await shop.orders.placeOrder(sent);
        expect(again.order).toMatchObject({ orderId, status: OrderStatus.CONFIRMED });
        expect(await stockOf('TEA-GREEN')).toEqual([999_996, 4]);
      },
    );

    test('is neither lost nor doubled among many on two instances of everything', async () => {
      await startAll();
      await startAll();
      const sent = Array.from({ length: 40 }, (_, i) =>
        request({ cardToken: i % 4 === 0 ? 'tok_declined' : 'tok_visa' }),
      );
      // Each one twice, as by a customer whose first answer was lost.
      const place = async (each: PlaceOrderRequest) => (await shop.orders.placeOrder(each)).order;
      const answers = await Promise.all([...sent, ...sent].map(place));
      const once = answers.slice(0, 40);
      expect(once).toEqual(answers.slice(40));
      expect(once.filter((order) => order?.status === OrderStatus.CONFIRMED)).toHaveLength(30);
      await eventually(async () => (await stockOf('TEA-GREEN'))[1] === 60);
      expect(await stockOf('TEA-GREEN')).toEqual([999_940, 60]);
      for (const order of once) {
        const orderId = order?.orderId ?? '';
        await eventually(async () => (await textsAbout(orderId)).length === 1);
        const { payment } = await shop.payments.getPayment({ orderId });
        const charged = payment?.status === PaymentStatus.CHARGED;
        expect(charged).toBe(order?.status === OrderStatus.CONFIRMED);
      }
    });
  });

  describe('bad input', () => {
    let address: RawCall['address'];
    const path = '/shop.orders.v1.OrdersService/PlaceOrder';

    beforeEach(async () => {
      await start.inventory();
      await start.payments();
      address = (await start.orders()).endpoint;
    });

    // Whatever was sent, the process lives and serves the next one.
    afterEach(async () => {
      expect(await placed()).toMatchObject({ status: OrderStatus.CONFIRMED });
    });

    test('an empty order is INVALID_ARGUMENT with every field that is missing', async () => {
      const error = await errorOf(shop.orders.placeOrder(PlaceOrderRequest.create()));
      expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
      expect(error.details.violations?.map(({ field, reason }) => [field, reason])).toEqual([
        ['idempotency_key', 'REQUIRED'],
        ['customer_id', 'REQUIRED'],
        ['lines', 'MIN_ITEMS'],
        ['card_token', 'REQUIRED'],
      ]);
    });

    test('a negative quantity is INVALID_ARGUMENT with the line at fault', async () => {
      const lines = [
        { sku: 'TEA-GREEN', quantity: 1 },
        { sku: 'TEA-BLACK', quantity: -1 },
      ];
      const error = await errorOf(placed({ lines }));
      expect(error.status).toBe('INVALID_ARGUMENT');
      expect(error.details.violations).toMatchObject([
        { field: 'lines[1].quantity', reason: 'MIN' },
      ]);
    });

    test('an unknown SKU is no error but an answer: declined, and nothing is charged', async () => {
      const order = await placed({ lines: [{ sku: 'NO-SUCH', quantity: 1 }] });
      expect(order).toMatchObject({ status: OrderStatus.DECLINED, declineReason: 'UNKNOWN_SKU' });
      const { orderId } = order;
      expect((await errorOf(shop.payments.getPayment({ orderId }))).status).toBe('NOT_FOUND');
    });

    test('a message of 5 MiB is RESOURCE_EXHAUSTED with the limit', async () => {
      const message = PlaceOrderRequest.encode(
        request({ customerId: 'x'.repeat(5 * 1024 * 1024) }),
      ).finish();
      const answer = await rawCall({ address, path, message });
      expect(answer.status).toBe('RESOURCE_EXHAUSTED');
      expect(answer.message).toContain('1048576');
    });

    test('garbage bytes are INVALID_ARGUMENT with method and type', async () => {
      const answer = await rawCall({ address, path, message: Buffer.from('fffefdfc', 'hex') });
      expect(answer).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'MALFORMED_MESSAGE' });
      expect(answer.message).toContain('shop.orders.v1.PlaceOrderRequest');
    });

    test('an unknown method is UNIMPLEMENTED with those that there are', async () => {
      const answer = await rawCall({ address, path: '/shop.orders.v1.OrdersService/Cancel' });
      expect(answer).toMatchObject({ status: 'UNIMPLEMENTED', reason: 'UNKNOWN_METHOD' });
      expect(answer.message).toContain('PlaceOrder');
    });

    test('oversized metadata is RESOURCE_EXHAUSTED with the limit', async () => {
      const message = PlaceOrderRequest.encode(request()).finish();
      const headers = { 'x-long': 'x'.repeat(9000) };
      const answer = await rawCall({ address, path, message, headers });
      expect(answer).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'METADATA_TOO_LARGE' });
      expect(answer.message).toContain('8192');
    });
  });
});
