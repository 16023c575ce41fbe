/**
 * How payouts learns of a bonus: the one thing in which the two builds differ. Synchronous, it is called while the
 * courier waits, and what it does not accept needs a place to wait and somebody who tries again. Asynchronous, the
 * bonus is an event in the transaction of its delivery, and whoever pays is nobody's business here.
 */
import { BonusEarned, CourierPerformance } from '#gen/delivery/incentives/v1/messages.ts';
import type { PayoutsServiceDefinition } from '#gen/delivery/payouts/v1/payouts.ts';
import { type Client, type Events, type Log, MeshError, type Transaction } from '#mesh';
import type { Bonus, Performance } from './bonus.ts';
import type { IncentivesDb, IncentivesStore } from './store.ts';

/** What became of a bonus. */
export type Told = 'paid' | 'batched' | 'announced';

export interface Telling {
  /** In the transaction of the delivery. */
  written(
    tx: Transaction<IncentivesDb>,
    performance: Performance,
    bonus: Bonus | undefined,
  ): Promise<void>;
  /** After it; also for a delivery that came a second time. */
  told(bonus: Bonus): Promise<Told>;
}

export function tellByEvents(events: Events<IncentivesDb>): Telling {
  return {
    async written(tx, performance, bonus) {
      await events.publish(tx, CourierPerformance, performance);
      if (bonus !== undefined) await events.publish(tx, BonusEarned, bonus);
    },
    told: async () => 'announced',
  };
}

export interface TellByCallOptions {
  readonly incentives: IncentivesStore;
  readonly payouts: Client<PayoutsServiceDefinition>;
  readonly log: Log;
}

/** With the work-around that it needs: a batch of what payouts has not accepted, tried again by `payBatch`. */
export function tellByCall(options: TellByCallOptions): Telling & {
  readonly payBatch: () => Promise<void>;
} {
  const { incentives, payouts, log } = options;
  const pay = async (bonus: Bonus): Promise<Told> => {
    try {
      await payouts.payBonus(bonus);
      // Killed before this, it is paid again, which its key makes harmless.
      await incentives.unbatch(bonus.bonusId);
      return 'paid';
    } catch (thrown) {
      log.warn('a bonus waits in the batch', { bonus: bonus.bonusId, err: MeshError.from(thrown) });
      return 'batched';
    }
  };
  return {
    async written(tx, _, bonus) {
      if (bonus !== undefined) await incentives.batch(tx, bonus);
    },
    told: async (bonus) => ((await incentives.isBatched(bonus.bonusId)) ? pay(bonus) : 'paid'),
    async payBatch() {
      // While payouts is away its breaker answers: a long batch costs no long wait.
      for (const bonus of await incentives.unpaid()) await pay(bonus);
    },
  };
}
