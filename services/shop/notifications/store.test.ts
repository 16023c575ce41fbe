import { beforeEach, expect, test } from '@jest/globals';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import type { Notification } from './notification.ts';
import {
  createNotificationStore,
  type NotificationStore,
  type NotificationsDb,
  notificationMigrations,
} from './store.ts';

onEachDatabase<NotificationsDb>(notificationMigrations, (database) => {
  let store: Store<NotificationsDb>;
  let notifications: NotificationStore;

  beforeEach(async () => {
    store = await database.open();
    notifications = createNotificationStore(store);
  });

  const add = (notification: Notification): Promise<boolean> =>
    store.transaction((tx) => notifications.add(tx, notification));
  const message = (eventId: string, sentAtMs: number, orderId = 'ord_1'): Notification => ({
    ...{ eventId, sentAtMs, orderId },
    customerId: 'ada',
    text: `about ${eventId}`,
  });

  test('an event tells the customer once', async () => {
    expect(await add(message('e1', 1))).toBe(true);
    expect(await add(message('e1', 2))).toBe(false);
    expect(await notifications.listOf('ord_1')).toEqual([message('e1', 1)]);
  });

  test('messages about an order come oldest first, and about no other order', async () => {
    await add(message('e2', 2));
    await add(message('e3', 3, 'ord_2'));
    await add(message('e4', 1));
    await add(message('e1', 2));
    const ids = (await notifications.listOf('ord_1')).map(({ eventId }) => eventId);
    expect(ids).toEqual(['e4', 'e1', 'e2']);
    expect(await notifications.listOf('ord_3')).toEqual([]);
  });
});
