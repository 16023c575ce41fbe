/** What payouts hears in the asynchronous build. */
import { BonusEarned, CourierPerformance } from '#gen/delivery/incentives/v1/messages.ts';
import { type EventHandler, on } from '#mesh';
import type { PayoutsDb, PayoutsStore } from './store.ts';

/**
 * Key: the bonus id, beside the inbox, which forgets after a week: a bonus that was paid stays paid. Of a
 * performance the newest counts, and an older one that comes late is not handled any more.
 */
export function payoutsHandlers({
  payouts,
}: {
  readonly payouts: PayoutsStore;
}): readonly EventHandler<PayoutsDb>[] {
  return [
    on(BonusEarned, (bonus, { tx }) => payouts.accept(tx, bonus)),
    on(CourierPerformance, ({ courierId, deliveries }, { tx, timeMs }) =>
      payouts.keep(tx, { courierId, deliveries, asOfMs: timeMs }),
    ),
  ];
}
