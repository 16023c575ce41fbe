/**
 * The shop end to end: five processes as `weft up` runs them, a real Consul and a real nats-server between
 * them, once with lanes and once without. Whoever calls cannot tell the difference; what the processes
 * measured can.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import { type Order, OrderStatus, OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import { PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import { AdminServiceDefinition } from '#gen/weft/admin/v1/admin.ts';
import { type Client, closeClient, createClient, createConsul, createConsulDiscovery } from '#mesh';
import { type ConsulServer, startConsul } from '../../mesh/testing/consul.ts';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';

const names = ['inventory', 'payments', 'orders', 'warehouse', 'notifications'] as const;

describe.each([
  { LANE: '1', transport: 'lane' },
  { LANE: '0', transport: 'plain' },
])('with LANE=$LANE', ({ LANE, transport }) => {
  let folder: string;
  let consul: ConsulServer;
  let nats: NatsServer;
  let discovery: ReturnType<typeof createConsulDiscovery>;
  let orders: Client<OrdersServiceDefinition>;
  let inventory: Client<InventoryServiceDefinition>;
  let payments: Client<PaymentsServiceDefinition>;
  let notifications: Client<NotificationsServiceDefinition>;
  const processes: ServiceProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-shop-'));
    [consul, nats] = await Promise.all([startConsul(), startNats()]);
    discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
    const { resolver } = discovery;
    orders = createClient(OrdersServiceDefinition, { resolver });
    inventory = createClient(InventoryServiceDefinition, { resolver });
    payments = createClient(PaymentsServiceDefinition, { resolver });
    notifications = createClient(NotificationsServiceDefinition, { resolver });
    for (const name of names) {
      const env = {
        ...{ LANE, MESH_CONSUL: consul.address, MESH_NATS: nats.url, INSTANCE_ID: `${name}-1` },
        STORE: `sqlite:${join(folder, `${name}.db`)}`,
      };
      processes.push(startServiceProcess(join(import.meta.dirname, name, 'main.ts'), env));
    }
    // Everybody knows everybody: an order is decided, and its customer is told.
    await eventually(
      async () => (await textsAbout((await placed('first', 'tok_visa')).orderId)).length > 0,
      { withinMs: 60_000, everyMs: 200 },
    );
  }, 120_000);

  afterAll(async () => {
    await Promise.all(processes.map((process) => process.close()));
    await Promise.all([orders, inventory, payments, notifications].map(closeClient));
    await discovery.close();
    await Promise.all([consul.close(), nats.close()]);
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  async function placed(key: string, cardToken: string): Promise<Order> {
    const lines = [{ sku: 'TEA-GREEN', quantity: 2 }];
    const request = { idempotencyKey: `lane-${LANE}-${key}`, customerId: 'ada', lines, cardToken };
    const { order } = await orders.placeOrder(request);
    if (order === undefined) throw new Error('no order came');
    return order;
  }

  async function textsAbout(orderId: string): Promise<string[]> {
    const answer = await notifications.listNotifications({ orderId });
    return answer.notifications.map(({ text }) => text);
  }

  const reserved = async (): Promise<number> =>
    Number((await inventory.getStock({ sku: 'TEA-GREEN' })).item?.reserved);

  /** How many calls of a method travelled how, as the process that served them counts them. */
  async function transportsOf(service: string, method: string): Promise<Record<string, number>> {
    const { resolver } = discovery;
    const admin = createClient(AdminServiceDefinition, { resolver, target: service });
    try {
      const { servers } = await admin.getStats({});
      const calls = servers.find((each) => each.method === method)?.calls ?? [];
      return Object.fromEntries(calls.map((each) => [each.transport, each.figures?.ended ?? 0]));
    } finally {
      await closeClient(admin);
    }
  }

  test('an order is confirmed, charged and told', async () => {
    const { orderId, status, total } = await placed('good', 'tok_visa');
    expect(status).toBe(OrderStatus.CONFIRMED);
    expect(total).toEqual({ minorUnits: 900n, currencyCode: 'EUR' });
    const { payment } = await payments.getPayment({ orderId });
    expect(payment?.amount).toEqual({ minorUnits: 900n, currencyCode: 'EUR' });
    await eventually(async () => (await textsAbout(orderId)).length === 1);
  });

  test('a declined card gives the stock back', async () => {
    const before = await reserved();
    const { status, declineReason } = await placed('declined', 'tok_declined');
    expect([status, declineReason]).toEqual([OrderStatus.DECLINED, 'CARD_DECLINED']);
    await eventually(async () => (await reserved()) === before);
  });

  test('many orders at once, each placed twice, are neither lost nor doubled', async () => {
    const before = await reserved();
    const keys = Array.from({ length: 50 }, (_, i) => `many-${String(i)}`);
    const answers = await Promise.all([...keys, ...keys].map((key) => placed(key, 'tok_visa')));
    expect(answers.slice(0, 50)).toEqual(answers.slice(50));
    expect(await reserved()).toBe(before + 100);
  });

  test('a watch is a stream, and tells what became of the order', async () => {
    const { orderId } = await placed('good', 'tok_visa');
    for await (const { order } of orders.watchOrder({ orderId })) {
      expect(order).toMatchObject({ orderId, status: OrderStatus.CONFIRMED });
      break;
    }
  });

  test('an error arrives with its reason and every field at fault', async () => {
    const empty = { idempotencyKey: '', customerId: '', lines: [], cardToken: '' };
    const error = await errorOf(orders.placeOrder(empty));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
    expect(error.details.violations?.map(({ field }) => field)).toEqual([
      ...['idempotency_key', 'customer_id', 'lines', 'card_token'],
    ]);
    const missing = await errorOf(orders.getOrder({ orderId: 'ord_none' }));
    expect(missing.status).toBe('NOT_FOUND');
  });

  test(`calls between the services go by ${transport}, all but the first`, async () => {
    const reserve = (): Promise<Record<string, number>> =>
      transportsOf('inventory', 'shop.inventory.v1.InventoryService/Reserve');
    const charge = (): Promise<Record<string, number>> =>
      transportsOf('payments', 'shop.payments.v1.PaymentsService/Charge');
    const before = [await reserve(), await charge()];
    for (let i = 0; i < 10; i++) await placed(`again-${String(i)}`, 'tok_visa');
    const after = [await reserve(), await charge()];
    const other = transport === 'lane' ? 'plain' : 'lane';
    for (const [i, counted] of after.entries()) {
      // Nothing waits for a lane: whatever was called until it was open went plainly.
      expect(counted[other] ?? 0).toBeLessThanOrEqual(before[i]?.[other] ?? 0);
      expect(counted[other] ?? 0).toBeLessThanOrEqual(LANE === '1' ? 3 : 0);
      expect(counted[transport]).toBeGreaterThanOrEqual(10);
    }
  });
});
