import { KitchenServiceDefinition } from '#gen/bistro/kitchen/v1/kitchen.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { kitchenHandlers, publishMenu } from './events.ts';
import { kitchenService } from './service.ts';
import { createKitchenStore, type KitchenDb } from './store.ts';

// A menu that was changed by an instance of a newer version is noticed by the others within this time.
const menuEveryMs = 60_000;

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function kitchenParts(
  { store, events, every }: AppTools<KitchenDb>,
  { cook }: { readonly cook: string },
): ServiceParts<KitchenDb> {
  const kitchen = createKitchenStore(store);
  every(menuEveryMs, 'publishing the menu', () => publishMenu({ store, events, kitchen }));
  return {
    services: [implement(KitchenServiceDefinition, kitchenService({ kitchen }))],
    consumer: { handlers: kitchenHandlers({ kitchen, cook }) },
  };
}
