import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import { PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import { type AppTools, createBell, implement, type ServiceParts } from '#mesh';
import type { OrdersSettings } from './config.ts';
import { createDecide } from './decision.ts';
import { orderHandlers, publishDecision } from './events.ts';
import { createResume } from './resume.ts';
import { ordersService } from './service.ts';
import { createOrderStore, type OrdersDb } from './store.ts';

/** PlaceOrder's own deadline (5 s in the schema) and a second more: by then its first driver has ended. */
const leaseMs = 6000;

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function ordersParts(
  tools: AppTools<OrdersDb>,
  { resumeEveryMs, watchPollMs }: Pick<OrdersSettings, 'resumeEveryMs' | 'watchPollMs'>,
): ServiceParts<OrdersDb> {
  const orders = createOrderStore(tools.store);
  const bell = createBell(tools.clock);
  const decide = createDecide({
    ...tools,
    orders,
    bell,
    inventory: tools.client(InventoryServiceDefinition),
    payments: tools.client(PaymentsServiceDefinition),
    publish: (tx, order) => publishDecision(tools.events, tx, order),
  });
  const shared = { ...tools, orders, decide, bell, leaseMs };
  tools.every(resumeEveryMs, 'deciding what was left undecided', createResume(shared));
  return {
    services: [
      implement(OrdersServiceDefinition, ordersService({ ...shared, pollMs: watchPollMs })),
    ],
    consumer: { handlers: orderHandlers(shared) },
  };
}
