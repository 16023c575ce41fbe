import { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { notificationHandlers } from './events.ts';
import { notificationsService } from './service.ts';
import { createNotificationStore, type NotificationsDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function notificationsParts({
  store,
  clock,
  log,
}: AppTools<NotificationsDb>): ServiceParts<NotificationsDb> {
  const notifications = createNotificationStore(store);
  return {
    services: [implement(NotificationsServiceDefinition, notificationsService({ notifications }))],
    consumer: { handlers: notificationHandlers({ store, notifications, clock, log }) },
  };
}
