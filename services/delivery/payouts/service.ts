import {
  type PayoutsServiceDefinition,
  PerformanceSource,
} from '#gen/delivery/payouts/v1/payouts.ts';
import { type Clock, type Implementation, type Store, toTimestamp } from '#mesh';
import type { Knowing } from './knowing.ts';
import { payoutOf } from './payout.ts';
import type { PayoutsDb, PayoutsStore } from './store.ts';

export interface PayoutsServiceOptions {
  readonly store: Store<PayoutsDb>;
  readonly payouts: PayoutsStore;
  readonly know: Knowing;
  readonly clock: Clock;
}

/** delivery.payouts.v1.PayoutsService. */
export function payoutsService(
  options: PayoutsServiceOptions,
): Implementation<PayoutsServiceDefinition> {
  const { store, payouts, know, clock } = options;
  return {
    async payBonus(bonus) {
      await store.transaction((tx) => payouts.accept(tx, bonus));
      return {};
    },

    async getPayout({ courierId }) {
      const known = await know(courierId);
      const payout = payoutOf(known, await payouts.bonusCents(courierId), clock.now());
      return {
        deliveryCents: BigInt(payout.deliveryCents),
        bonusCents: BigInt(payout.bonusCents),
        source: known.source === 'asked' ? PerformanceSource.ASKED : PerformanceSource.COPY,
        asOf: toTimestamp(known.asOfMs),
        ageMs: BigInt(payout.ageMs),
      };
    },

    async listBonuses({ courierId }) {
      return { bonuses: [...(await payouts.bonuses(courierId === '' ? undefined : courierId))] };
    },
  };
}
