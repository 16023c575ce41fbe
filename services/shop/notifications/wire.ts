/** Between the domain and its messages, both ways: the only file in which the two meet. */
import type { Notification as NotificationMessage } from '#gen/shop/notifications/v1/notifications.ts';
import type { OrderConfirmed, OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import type { OrderShipped } from '#gen/shop/warehouse/v1/events.ts';
import { toTimestamp } from '#mesh';
import type { News, Notification } from './notification.ts';

/** The message as it travels. */
export function toMessage({ sentAtMs, ...notification }: Notification): NotificationMessage {
  return { ...notification, sentAt: toTimestamp(sentAtMs) };
}

/** The total is required by the schema; only its type does not know. */
export function fromConfirmed({ orderId, lines, total }: OrderConfirmed): News {
  const { minorUnits = 0n, currencyCode = 'EUR' } = total ?? {};
  return { kind: 'confirmed', orderId, lines, total: { minorUnits, currency: currencyCode } };
}

export function fromDeclined({ orderId, reason }: OrderDeclined): News {
  return { kind: 'declined', orderId, reason };
}

export function fromShipped({ orderId }: OrderShipped): News {
  return { kind: 'shipped', orderId };
}
