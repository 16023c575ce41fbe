/**
 * Messages in SQL. The event id is their primary key, beside the inbox that weft keeps: the inbox forgets after
 * a week, a message that was sent stays sent.
 */
import { type Migration, prepare, type Store, type Transaction } from '#mesh';
import type { Notification } from './notification.ts';

/** One SQL text serves both databases: SQLite reads bigint as INTEGER. */
export const notificationMigrations: readonly Migration[] = [
  {
    name: '001-notifications',
    up: `
      create table notifications (
        event_id text primary key,
        order_id text not null,
        customer_id text not null,
        text text not null,
        sent_at bigint not null
      );
      create index notifications_of_order on notifications (order_id, sent_at);
    `,
  },
];

interface NotificationRow {
  event_id: string;
  order_id: string;
  customer_id: string;
  text: string;
  /** Wall ms. */
  sent_at: number;
}

/** The tables of this service, as Kysely sees them. */
export interface NotificationsDb {
  notifications: NotificationRow;
}

/** The messages as this service keeps them: one for each event. */
export interface NotificationStore {
  /** Writes the message unless its event has one; false if it had. */
  add(tx: Transaction<NotificationsDb>, notification: Notification): Promise<boolean>;
  /** Oldest first. */
  listOf(orderId: string): Promise<readonly Notification[]>;
}

export function createNotificationStore(store: Store<NotificationsDb>): NotificationStore {
  const insert = prepare(store.db, (db, it: Notification) =>
    db
      .insertInto('notifications')
      .values({
        event_id: it.eventId,
        order_id: it.orderId,
        customer_id: it.customerId,
        text: it.text,
        sent_at: it.sentAtMs,
      })
      .onConflict((conflict) => conflict.column('event_id').doNothing()),
  );
  return {
    async add(tx, notification) {
      const { touched } = await insert(tx, notification);
      return touched === 1;
    },

    async listOf(orderId) {
      const rows = await store.db
        .selectFrom('notifications')
        .selectAll()
        .where('order_id', '=', orderId)
        .orderBy('sent_at')
        .orderBy('event_id')
        .execute();
      return rows.map((row) => ({
        eventId: row.event_id,
        orderId: row.order_id,
        customerId: row.customer_id,
        text: row.text,
        sentAtMs: row.sent_at,
      }));
    },
  };
}
