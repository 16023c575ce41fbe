import { CashierServiceDefinition } from '#gen/vending/cashier/v1/cashier.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { createDesk } from './desk.ts';
import { cashierHandlers } from './events.ts';
import { cashierService } from './service.ts';
import { type CashierDb, createTill } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function cashierParts({ store, events }: AppTools<CashierDb>): ServiceParts<CashierDb> {
  const till = createTill(store);
  const desk = createDesk({ till, events });
  return {
    services: [implement(CashierServiceDefinition, cashierService({ store, till, desk }))],
    consumer: { handlers: cashierHandlers(desk) },
  };
}
