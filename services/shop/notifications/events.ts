/** What notifications hears; it tells nothing but the customer. */
import { OrderConfirmed, OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import { OrderShipped } from '#gen/shop/warehouse/v1/events.ts';
import { type Clock, type EventHandler, type Log, on, type Store, type Transaction } from '#mesh';
import { type News, textOf } from './notification.ts';
import type { NotificationStore, NotificationsDb } from './store.ts';
import { fromConfirmed, fromDeclined, fromShipped } from './wire.ts';

export interface NotificationHandlersOptions {
  readonly store: Store<NotificationsDb>;
  readonly notifications: NotificationStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** What notifications hears. Key: the event id; a repeated event tells the customer nothing twice. */
export function notificationHandlers({
  store,
  notifications,
  clock,
  log,
}: NotificationHandlersOptions): readonly EventHandler<NotificationsDb>[] {
  /** Sending is writing it down: a real mailer would read the table as the relay reads the outbox. */
  const send = async (
    news: News,
    customerId: string,
    { tx, id }: { readonly tx: Transaction<NotificationsDb>; readonly id: string },
  ): Promise<void> => {
    const { orderId } = news;
    const notification = { eventId: id, orderId, customerId, text: textOf(news) };
    const added = await notifications.add(tx, { ...notification, sentAtMs: clock.now() });
    if (!added) return;
    // Not before: until then the transaction may still be rolled back, and the event come again.
    store.onCommit(tx, () => {
      log.debug('notified', { order: orderId, customer: customerId, about: news.kind });
    });
  };
  return [
    on(OrderConfirmed, (event, work) => send(fromConfirmed(event), event.customerId, work)),
    on(OrderDeclined, (event, work) => send(fromDeclined(event), event.customerId, work)),
    on(OrderShipped, (event, work) => send(fromShipped(event), event.customerId, work)),
  ];
}
