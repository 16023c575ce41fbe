import type { DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import type { Implementation, Store } from '#mesh';
import type { Wish } from './can.ts';
import type { CanOf, Wishing } from './desk.ts';
import type { Cans } from './store.ts';
import type { DispenserDb } from './tables.ts';
import { toMessage } from './wire.ts';

export interface DispenserServiceOptions {
  readonly store: Store<DispenserDb>;
  readonly cans: Cans;
  readonly wish: Wishing;
}

/** vending.dispenser.v1.DispenserService. */
export function dispenserService(
  options: DispenserServiceOptions,
): Implementation<DispenserServiceDefinition> {
  const { store, cans } = options;
  const wish = async (sale: CanOf, what: Wish) => {
    return { can: toMessage(await store.transaction((tx) => options.wish(tx, sale, what))) };
  };
  return {
    async load(load) {
      await store.transaction((tx) => cans.load(tx, load));
      const slots = await cans.slots(load.machineId);
      return { slot: slots.find(({ itemId }) => itemId === load.itemId) };
    },

    async setJammed({ machineId, jammed }) {
      await store.transaction((tx) => cans.setJammed(tx, machineId, jammed));
      return {};
    },

    dispense: (sale) => wish(sale, 'drop'),
    giveUp: (sale) => wish(sale, 'give up'),

    async getCans({ machineId }) {
      const sold = (await cans.list(machineId)).map(toMessage);
      return { slots: [...(await cans.slots(machineId))], cans: sold };
    },
  };
}
