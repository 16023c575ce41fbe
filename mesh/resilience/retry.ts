import { ConstantBackoff, retry as cockatielRetry, handleWhenResult } from 'cockatiel';
import type { MethodInfo } from '../kernel/call.ts';
import { aborted, type Clock } from '../kernel/clock.ts';
import { type Deadline, remainingMs } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import { createRetryBudget, type RetryBudgetOptions } from './budget.ts';
import { type BackoffOptions, classify, waitBefore } from './retry-rules.ts';

/** Repeats attempts of calls to one target, as far as schema, deadline and budget allow. */
export interface Retry {
  /**
   * Calls `attempt` with 1, 2, ... until one succeeds or must not be repeated; throws the last error. The
   * caller's abort ends the wait between two attempts at once.
   */
  run<T>(call: RepeatedCall, attempt: (number: number) => Promise<T>): Promise<T>;
}

export interface RepeatedCall {
  readonly method: MethodInfo;
  readonly deadline?: Deadline | undefined;
  readonly signal?: AbortSignal | undefined;
  /** False once the request cannot be sent again, because it was a stream and part of it is used up. */
  readonly replayable?: () => boolean;
}

export interface RetryOptions extends BackoffOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Most attempts, the first counted, where the schema says nothing. Default 3. */
  readonly attempts?: number;
  readonly budget?: RetryBudgetOptions;
}

/**
 * Longest pushback that is waited for when the call has no deadline, in ms; a caller is better served by
 * the error, which carries the pushback on.
 */
const maxWaitMs = 10_000;

/** What is left for an attempt after the wait must be worth starting one, in ms. */
const leastUsefulMs = 1;

type Turn<T> = { readonly done: true; readonly value: T } | { readonly done: false };

export function createRetry(options: RetryOptions): Retry {
  const { clock, random, attempts = 3 } = options;
  const budget = createRetryBudget(clock, options.budget);

  // cockatiel owns the loop. The wait is weft's: cockatiel's delay hears no abort, and reads no clock that
  // a test could move. The rules throw what must not be repeated, so the loop itself needs no limit.
  const loop = cockatielRetry(
    handleWhenResult((turn) => !(turn as Turn<unknown>).done),
    { maxAttempts: Number.MAX_SAFE_INTEGER, backoff: new ConstantBackoff(0) },
  );

  /** How long to wait before attempt `next`; throws `error` when there must be none. */
  function waitOrThrow(call: RepeatedCall, error: MeshError, next: number): number {
    const { method, deadline, signal, replayable } = call;
    const again =
      signal?.aborted !== true &&
      next <= (method.policy.attempts ?? attempts) &&
      (replayable === undefined || replayable()) &&
      classify(method, error) !== 'final';
    if (!again) throw error;
    const waitMs = waitBefore(next, error, random, options);
    const leftMs = deadline === undefined ? maxWaitMs : remainingMs(deadline, clock);
    // Last, because it is paid for: a retry that will not happen must not use up the budget.
    if (waitMs + leastUsefulMs > leftMs || !budget.withdraw()) throw error;
    return waitMs;
  }

  return {
    async run<T>(call: RepeatedCall, attempt: (number: number) => Promise<T>): Promise<T> {
      budget.deposit();
      let waitMs = 0;
      const turn = await loop.execute(async (context): Promise<Turn<T>> => {
        if (waitMs > 0) await clock.sleep(waitMs, call.signal);
        if (call.signal?.aborted) throw aborted(call.signal, call.method.path.slice(1));
        try {
          return { done: true, value: await attempt(context.attempt + 1) };
        } catch (thrown) {
          waitMs = waitOrThrow(call, MeshError.from(thrown), context.attempt + 2);
          return { done: false };
        }
      });
      // The loop ends with a value or by throwing.
      if (!turn.done) throw new MeshError('the retry loop ended early', { status: 'INTERNAL' });
      return turn.value;
    },
  };
}
