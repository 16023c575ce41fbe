import type { KitchenServiceDefinition } from '#gen/bistro/kitchen/v1/kitchen.ts';
import type { Implementation } from '#mesh';
import type { KitchenStore } from './store.ts';

/** bistro.kitchen.v1.KitchenService. */
export function kitchenService(options: {
  readonly kitchen: KitchenStore;
}): Implementation<KitchenServiceDefinition> {
  const { kitchen } = options;
  return {
    async listCooked() {
      return { dishes: [...(await kitchen.cooked())] };
    },
  };
}
