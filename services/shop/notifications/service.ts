import type { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import type { Implementation } from '#mesh';
import type { NotificationStore } from './store.ts';
import { toMessage } from './wire.ts';

/** shop.notifications.v1.NotificationsService. */
export function notificationsService(options: {
  readonly notifications: NotificationStore;
}): Implementation<NotificationsServiceDefinition> {
  const { notifications } = options;
  return {
    async listNotifications({ orderId }) {
      return { notifications: (await notifications.listOf(orderId)).map(toMessage) };
    },
  };
}
