import { ConstantBackoff, retry as cockatielRetry, handleWhenResult } from 'cockatiel';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import { createRetryBudget, type RetryBudget, type RetryBudgetOptions } from './budget.ts';
import {
  givenUp,
  type Next,
  type NextParts,
  nextOrThrow,
  type RepeatedCall,
} from './retry-next.ts';
import type { BackoffOptions } from './retry-rules.ts';

export type { RepeatedCall } from './retry-next.ts';

/** Repeats attempts of calls to one target, as far as schema, deadline and budget allow. */
export interface Retry {
  /**
   * Calls `attempt` with 1, 2, ... until one succeeds or must not be repeated; throws the last error. What takes
   * the place of an attempt that never left this process has its number. The caller's abort ends the wait
   * between two attempts at once.
   */
  run<T>(call: RepeatedCall, attempt: (number: number) => Promise<T>): Promise<T>;
  /**
   * The same for a call whose attempt number `made` has failed with `thrown`: goes on with the next, or throws
   * at once. Whoever makes the first attempt alone deposits for the call in `budget`; nearly every call ends
   * there and never comes to a loop.
   */
  resume<T>(
    call: RepeatedCall,
    thrown: unknown,
    made: number,
    attempt: (number: number) => Promise<T>,
  ): Promise<T>;
  /** Shared with whatever else sends a call twice. */
  readonly budget: RetryBudget;
  /** Other numbers from now on; calls under way keep their count. */
  configure(options: RetryNumbers): void;
}

/** What may be changed while it runs. */
export interface RetryNumbers extends BackoffOptions {
  readonly budget?: RetryBudgetOptions;
}

export interface RetryOptions extends RetryNumbers {
  readonly clock: Clock;
  readonly random: Random;
  /** Most attempts, the first counted, where the schema says nothing. Default 3. */
  readonly attempts?: number;
}

type Turn<T> = { readonly done: true; readonly value: T } | { readonly done: false };

// cockatiel owns the loop. The wait is weft's: cockatiel's delay hears no abort, and reads no clock that
// a test could move. The rules throw what must not be repeated, so the loop itself needs no limit.
const loop = cockatielRetry(
  handleWhenResult((turn) => !(turn as Turn<unknown>).done),
  { maxAttempts: Number.MAX_SAFE_INTEGER, backoff: new ConstantBackoff(0) },
);

export function createRetry(options: RetryOptions): Retry {
  const { clock, random, attempts = 3 } = options;
  const budget = createRetryBudget(clock, options.budget);
  let backoff: BackoffOptions = options;
  const parts: NextParts = { clock, random, budget, attempts, backoff: () => backoff };

  const retry: Retry = {
    budget,
    configure(news) {
      backoff = news;
      budget.configure(news.budget ?? {});
    },
    async run(call, attempt) {
      budget.deposit();
      const reason = givenUp(call);
      if (reason !== undefined) throw reason;
      try {
        return await attempt(1);
      } catch (thrown) {
        return await retry.resume(call, thrown, 1, attempt);
      }
    },
    async resume<T>(
      call: RepeatedCall,
      thrown: unknown,
      made: number,
      attempt: (number: number) => Promise<T>,
    ): Promise<T> {
      let last: Next = { number: made, waits: 0, waitMs: 0 };
      let next = nextOrThrow(call, MeshError.from(thrown), last, parts);
      const turn = await loop.execute(async (): Promise<Turn<T>> => {
        await waitAndTell(call, next, last.number, clock);
        last = next;
        try {
          return { done: true, value: await attempt(last.number) };
        } catch (failure) {
          next = nextOrThrow(call, MeshError.from(failure), last, parts);
          return { done: false };
        }
      });
      // The loop ends with a value or by throwing.
      if (!turn.done) throw new MeshError('the retry loop ended early', { status: 'INTERNAL' });
      return turn.value;
    },
  };
  return retry;
}

/** Waits as long as is due, then says what comes. */
async function waitAndTell(
  call: RepeatedCall,
  { number, waitMs }: Next,
  made: number,
  clock: Clock,
): Promise<void> {
  const sinceMs = clock.monotonic();
  if (waitMs > 0) await wait(waitMs, call, clock);
  const reason = givenUp(call);
  if (reason !== undefined) throw reason;
  call.repeats?.(number === made, waitMs > 0 ? clock.monotonic() - sinceMs : 0);
}

/** Waits, until the caller gives up at the latest. */
function wait(ms: number, { cancellation, signal }: RepeatedCall, clock: Clock): Promise<void> {
  if (cancellation === undefined) return clock.sleep(ms, signal);
  return new Promise((resolve, reject) => {
    const stop = clock.after(ms, () => {
      forget();
      resolve();
    });
    const forget = cancellation.onAbort((reason) => {
      stop();
      reject(reason);
    });
  });
}
