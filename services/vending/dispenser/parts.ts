import { DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { createWishing } from './desk.ts';
import { dispenserHandlers } from './events.ts';
import { dispenserService } from './service.ts';
import { createCans } from './store.ts';
import type { DispenserDb } from './tables.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function dispenserParts({
  store,
  events,
}: AppTools<DispenserDb>): ServiceParts<DispenserDb> {
  const cans = createCans(store);
  const wish = createWishing({ cans, events });
  return {
    services: [implement(DispenserServiceDefinition, dispenserService({ store, cans, wish }))],
    consumer: { handlers: dispenserHandlers(wish) },
  };
}
