import {
  BonusState,
  type IncentivesServiceDefinition,
} from '#gen/delivery/incentives/v1/incentives.ts';
import { type Implementation, MeshError, type Store } from '#mesh';
import { bonusOf } from './bonus.ts';
import type { IncentivesDb, IncentivesStore } from './store.ts';
import type { Telling, Told } from './telling.ts';

export interface IncentivesServiceOptions {
  readonly store: Store<IncentivesDb>;
  readonly incentives: IncentivesStore;
  readonly telling: Telling;
}

const states: Readonly<Record<Told, BonusState>> = {
  paid: BonusState.PAID,
  batched: BonusState.BATCHED,
  announced: BonusState.ANNOUNCED,
};

/** delivery.incentives.v1.IncentivesService. */
export function incentivesService(
  options: IncentivesServiceOptions,
): Implementation<IncentivesServiceDefinition> {
  const { store, incentives, telling } = options;
  return {
    async recordDelivery(delivery) {
      const bonus = bonusOf(delivery);
      await store.transaction(async (tx) => {
        const performance = await incentives.record(tx, delivery);
        if (performance !== undefined) await telling.written(tx, performance, bonus);
      });
      if (bonus === undefined) return { bonusState: BonusState.NONE, bonusCents: 0 };
      return { bonusState: states[await telling.told(bonus)], bonusCents: bonus.cents };
    },

    async getPerformance({ courierId }) {
      const performance = await incentives.performanceOf(courierId);
      if (performance !== undefined) return performance;
      throw new MeshError(`courier ${courierId} has delivered nothing; record a delivery first`, {
        ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_COURIER' },
      });
    },

    async getUnpaid() {
      const unpaid = await incentives.unpaid();
      const cents = unpaid.reduce((sum, bonus) => sum + bonus.cents, 0);
      return { bonuses: unpaid.length, cents: BigInt(cents) };
    },
  };
}
