import type { Cancellation } from '../kernel/cancellation.ts';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { createRetryBudget, type RetryBudget } from './budget.ts';
import { verdictOf } from './failure.ts';
import { createLatencyWindow } from './latency-window.ts';

/**
 * A second attempt for a call that takes longer than nearly all others, while the first is still out: the
 * answer that comes first wins. It cuts the tail that one slow instance makes, and costs little, because the
 * caller says how much more load the target may get (Finagle's backup requests, `maxExtraLoad`): of 1 % of
 * calls more, those are sent that are slower than 99 % of the others.
 */
export interface Hedge {
  /**
   * Runs `attempt` with 1, and with 2 beside it when that takes long. Throws, when no attempt is left to wait
   * for, the error of the one that failed last; `made` is how many were begun.
   */
  run<T>(share: number, attempt: HedgedAttempt<T>): Promise<T>;
}

/** One of two attempts: `loser` ends it when the other one has won. */
export type HedgedAttempt<T> = (number: 1 | 2, loser: Cancellation) => Promise<T>;

/** The shortest wait before a second attempt, in ms (Finagle): below it the extra call costs more than the wait. */
const leastWaitMs = 1;

export interface HedgeOptions {
  readonly clock: Clock;
  /** Shared with the retries of the target. */
  readonly budget: RetryBudget;
}

export function createHedge({ clock, budget }: HedgeOptions): Hedge {
  const latency = createLatencyWindow({ clock });
  // Beside the shared budget, whose reserve would let a quiet client send every call twice. It begins empty.
  const own = createRetryBudget(clock, { share: 0, perSecond: 0 });
  let ownShare = 0;

  function waitMs(share: number): number | undefined {
    if (share !== ownShare) {
      ownShare = share;
      own.configure({ share, perSecond: 0 });
    }
    own.deposit();
    const ms = latency.percentile(1 - share);
    return ms === undefined ? undefined : Math.max(ms, leastWaitMs);
  }

  return {
    run<T>(share: number, attempt: HedgedAttempt<T>): Promise<T> {
      const startMs = clock.monotonic();
      const afterMs = waitMs(share);
      return race(attempt, {
        // A call that succeeded tells how long calls take, and one that failed says so only if it timed out.
        ended: (error) => {
          if (error === undefined || error.status === 'DEADLINE_EXCEEDED')
            latency.add(clock.monotonic() - startMs);
        },
        later: (second) => {
          if (afterMs === undefined) return () => undefined;
          return clock.after(afterMs, () => {
            if (own.withdraw() && budget.withdraw()) second();
          });
        },
      });
    },
  };
}

interface RaceParts {
  /** Told of the end of the first attempt alone: the second has seen less of the time. */
  readonly ended: (error: MeshError | undefined) => void;
  /** Calls its task when the second attempt is due; the returned function takes it back. */
  readonly later: (second: () => void) => () => void;
}

/** The first success wins; an answer that is an error wins too, for the other attempt would get the same. */
function race<T>(attempt: HedgedAttempt<T>, { ended, later }: RaceParts): Promise<T> {
  return new Promise((resolve, reject) => {
    const ends: Ending[] = [];
    let out = 0;

    const start = (number: 1 | 2): void => {
      const ending = new Ending();
      ends.push(ending);
      out++;
      attempt(number, ending).then(
        (value) => {
          if (number === 1) ended(undefined);
          settle(ending);
          resolve(value);
        },
        (thrown: unknown) => {
          const error = MeshError.from(thrown);
          if (number === 1) ended(error);
          out--;
          if (out > 0 && verdictOf(error) !== 'success') return;
          settle(ending);
          reject(error);
        },
      );
    };
    const settle = (winner: Ending): void => {
      stop();
      for (const each of ends) if (each !== winner) each.abort(lost());
    };

    start(1);
    const stop = later(() => {
      start(2);
    });
  });
}

function lost(): MeshError {
  const text = 'given up, because a second attempt elsewhere was answered first';
  return new MeshError(text, { status: 'CANCELLED', reason: 'HEDGE_LOST' });
}

/** The end of one attempt; it has one listener, the attempt itself. */
class Ending implements Cancellation {
  reason: MeshError | undefined;
  #listener: ((reason: MeshError) => void) | undefined;

  onAbort(listener: (reason: MeshError) => void): () => void {
    if (this.reason !== undefined) listener(this.reason);
    else this.#listener = listener;
    return () => {
      this.#listener = undefined;
    };
  }

  abort(reason: MeshError): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.#listener?.(reason);
  }
}
