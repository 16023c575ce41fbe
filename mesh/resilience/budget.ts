import type { Clock } from '../kernel/clock.ts';
import { createRollingCount } from './rolling-count.ts';

/**
 * Bounds what retries and hedges may add to the load of a target. Three attempts a call turn a service that
 * is slow for a second into one that gets three times its load, and stays slow: a retry storm. A budget lets
 * single failures be retried and stops when most calls fail.
 *
 * The form is Finagle's (`RetryBudget`): a share of the calls of the last ten seconds, and a reserve so
 * that a quiet client may retry too.
 */
export interface RetryBudget {
  /** A call is made: it pays in. */
  deposit(nowMs?: number): void;
  /** Takes out one retry or hedge; false when there is none left, and nothing is taken. */
  withdraw(): boolean;
  /** How many could be taken out now. */
  left(): number;
  /** Other numbers from now on; what was paid in and taken out still counts. The window stays. */
  configure(options: RetryBudgetOptions): void;
}

export interface RetryBudgetOptions {
  /** Retries for each call. Default 0.2 (Finagle, Linkerd). */
  readonly share?: number;
  /** Retries a second that are always allowed. Default 10 (Finagle, Linkerd). */
  readonly perSecond?: number;
  /** How long calls and retries count, in ms. Default 10_000 (Finagle). */
  readonly windowMs?: number;
}

export function createRetryBudget(clock: Clock, options: RetryBudgetOptions = {}): RetryBudget {
  let { share = 0.2, perSecond = 10 } = options;
  const { windowMs = 10_000 } = options;
  const calls = createRollingCount({ clock, windowMs });
  const retries = createRollingCount({ clock, windowMs });

  function left(): number {
    const reserve = (perSecond * windowMs) / 1000;
    // Small shares add up to 0.6000000000000001 retries; a whole one is what counts.
    return Math.max(0, Math.floor(share * calls.sum() + reserve + 1e-9) - retries.sum());
  }

  return {
    deposit: calls.add,
    withdraw() {
      if (left() < 1) return false;
      retries.add();
      return true;
    },
    left,
    configure(news) {
      ({ share = 0.2, perSecond = 10 } = news);
    },
  };
}
