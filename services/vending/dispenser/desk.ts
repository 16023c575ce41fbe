/** A wish, carried out in one transaction with what is said of it. */
import { DrinkDispensed, DrinkMissing } from '#gen/vending/dispenser/v1/events.ts';
import type { Events, Transaction } from '#mesh';
import { type Can, next, type Wish } from './can.ts';
import type { Cans } from './store.ts';
import type { DispenserDb } from './tables.ts';

/** Which can is meant. */
export type CanOf = Pick<Can, 'saleId' | 'machineId' | 'itemId'>;

/** Gives the can as it is then; what changes nothing is not said again. */
export type Wishing = (tx: Transaction<DispenserDb>, sale: CanOf, wish: Wish) => Promise<Can>;

export function createWishing({
  cans,
  events,
}: {
  readonly cans: Cans;
  readonly events: Events<DispenserDb>;
}): Wishing {
  return async (tx, { saleId, machineId, itemId }, wish) => {
    await cans.hold(tx, machineId);
    const found = await cans.find(tx, saleId);
    const change = next(found, wish, await cans.shelf(tx, machineId, itemId));
    const before = found ?? { saleId, machineId, itemId, status: 'held', reason: '' };
    if (change === undefined) return before;
    const can: Can = { ...before, ...change };
    await cans.save(tx, can);
    const { status, reason } = can;
    if (status === 'dropped') {
      await events.publish(tx, DrinkDispensed, { machineId, saleId, itemId: can.itemId });
    } else if (status === 'missing') {
      await events.publish(tx, DrinkMissing, { machineId, saleId, reason });
    }
    return can;
  };
}
