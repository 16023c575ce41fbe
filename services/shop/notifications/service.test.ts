import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import { OrderConfirmed, OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import { OrderShipped } from '#gen/shop/warehouse/v1/events.ts';
import type { AppTools, Client } from '#mesh';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { notificationsParts } from './parts.ts';
import { notificationMigrations } from './store.ts';

let mesh: InProcessMesh;
let shop: AppTools<unknown>;
let notifications: Client<NotificationsServiceDefinition>;

beforeEach(async () => {
  mesh = createInProcessMesh();
  await mesh.start({
    name: 'shop',
    build: (tools) => {
      shop = tools;
      return { services: [] };
    },
  });
  notifications = mesh.client(NotificationsServiceDefinition);
});

afterEach(() => mesh.close());

const start = () =>
  mesh.start({
    name: 'notifications',
    migrations: notificationMigrations,
    build: notificationsParts,
  });

const about = async (orderId: string) =>
  (await notifications.listNotifications({ orderId })).notifications;

test('the customer hears of each step, also of those that came while the service was away', async () => {
  const order = { orderId: 'ord_1', customerId: 'ada', occurredAt: undefined };
  const eventId = await shop.store.transaction((tx) =>
    shop.events.publish(tx, OrderConfirmed, {
      ...order,
      lines: [{ sku: 'TEA-GREEN', quantity: 2 }],
      total: { minorUnits: 900n, currencyCode: 'EUR' },
    }),
  );
  await start();
  await eventually(async () => (await about('ord_1')).length === 1);
  expect(await about('ord_1')).toMatchObject([
    { eventId, orderId: 'ord_1', customerId: 'ada', text: expect.stringContaining('9.00 EUR') },
  ]);
  await shop.store.transaction((tx) =>
    shop.events.publish(tx, OrderShipped, { ...order, terminalId: 'T1' }),
  );
  await eventually(async () => (await about('ord_1')).length === 2);
  expect((await about('ord_1'))[1]?.text).toContain('on its way');
});

test('a declined order is told with its reason, and nothing is told of another order', async () => {
  await start();
  await shop.store.transaction((tx) =>
    shop.events.publish(tx, OrderDeclined, {
      ...{ orderId: 'ord_2', customerId: 'bob', reason: 'CARD_DECLINED', occurredAt: undefined },
    }),
  );
  await eventually(async () => (await about('ord_2')).length === 1);
  expect((await about('ord_2'))[0]?.text).toContain('your card was declined');
  expect(await about('ord_1')).toEqual([]);
});
