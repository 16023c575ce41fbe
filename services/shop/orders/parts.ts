import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import { PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import { type AppTools, createBell, implement, type ServiceParts, type Transaction } from '#mesh';
import type { OrdersSettings } from './config.ts';
import { orderHandlers, publishDecision } from './events.ts';
import type { DecidedOrder } from './order.ts';
import { createSagaFlow } from './saga-flow.ts';
import { ordersService } from './service.ts';
import { createOrderStore, type OrdersDb } from './store.ts';
import { createSyncFlow } from './sync-flow.ts';

/** PlaceOrder's own deadline (5 s in the schema) and a second more: by then its first driver has ended. */
const leaseMs = 6000;

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function ordersParts(
  tools: AppTools<OrdersDb>,
  settings: Pick<OrdersSettings, 'resumeEveryMs' | 'watchPollMs'> &
    Partial<Pick<OrdersSettings, 'flow'>>,
): ServiceParts<OrdersDb> {
  const { resumeEveryMs, watchPollMs, flow: way = 'sync' } = settings;
  const orders = createOrderStore(tools.store);
  const bell = createBell(tools.clock);
  const shared = {
    ...{ ...tools, orders, bell, leaseMs },
    peers: {
      inventory: tools.client(InventoryServiceDefinition),
      payments: tools.client(PaymentsServiceDefinition),
    },
    publish: (tx: Transaction<OrdersDb>, order: DecidedOrder) =>
      publishDecision(tools.events, tx, order),
  };
  const flow = way === 'saga' ? createSagaFlow(shared) : createSyncFlow(shared);
  tools.every(resumeEveryMs, 'deciding what was left undecided', flow.resume);
  return {
    services: [
      implement(OrdersServiceDefinition, ordersService({ ...shared, flow, pollMs: watchPollMs })),
    ],
    consumer: { handlers: orderHandlers(shared) },
  };
}
