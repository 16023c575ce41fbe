import { WaiterServiceDefinition } from '#gen/bistro/waiter/v1/waiter.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { waiterHandlers } from './events.ts';
import { type Patience, waiterService } from './service.ts';
import { createPad, type WaiterDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function waiterParts(
  { store, events, clock, random }: AppTools<WaiterDb>,
  patience: Patience,
): ServiceParts<WaiterDb> {
  const pad = createPad(store);
  const service = waiterService({ pad, store, events, clock, random, patience });
  return {
    services: [implement(WaiterServiceDefinition, service)],
    consumer: { handlers: waiterHandlers({ pad, events }) },
  };
}
