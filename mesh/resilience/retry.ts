import { ConstantBackoff, retry as cockatielRetry, handleWhenResult } from 'cockatiel';
import type { MethodInfo } from '../kernel/call.ts';
import type { Cancellation } from '../kernel/cancellation.ts';
import { aborted, type Clock } from '../kernel/clock.ts';
import { type Deadline, remainingMs } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import type { Status } from '../kernel/status.ts';
import { createRetryBudget, type RetryBudget, type RetryBudgetOptions } from './budget.ts';
import { type BackoffOptions, classify, waitBefore } from './retry-rules.ts';
import { neverLeft, noRoom } from './unreached.ts';

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

export interface RepeatedCall {
  readonly method: MethodInfo;
  /** Most attempts, the first counted. Default: what the schema says, else that of the options. */
  readonly attempts?: number | undefined;
  /** Statuses that are retried beside those that always are. */
  readonly retryOn?: readonly Status[] | undefined;
  readonly deadline?: Deadline | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly cancellation?: Cancellation | undefined;
  /** False once the request cannot be sent again, because it was a stream and part of it is used up. */
  readonly replayable?: () => boolean;
  /**
   * Whether there is an endpoint that has not failed the call. As long as there is, what never left this process
   * is sent there at once, at the cost of neither an attempt nor the budget: it adds no load to anybody. It must
   * come to an end by itself.
   */
  readonly elsewhere?: () => boolean;
  /** Told of each repetition, and of the wait before it. */
  readonly repeats?: (transparent: boolean, delayMs: number) => void;
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

/**
 * Longest pushback that is waited for when the call has no deadline, in ms; a caller is better served by
 * the error, which carries the pushback on.
 */
const maxWaitMs = 10_000;

/** What is left for an attempt after the wait must be worth starting one, in ms. */
const leastUsefulMs = 1;

type Turn<T> = { readonly done: true; readonly value: T } | { readonly done: false };

/** The attempt after a failed one. */
interface Next {
  /** That of the failed one, where that does not count. */
  readonly number: number;
  /** Waits for room so far, this one counted. */
  readonly waits: number;
  readonly waitMs: number;
}

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

  /** What comes after attempt `last`; throws `error` when nothing must. */
  function nextOrThrow(call: RepeatedCall, error: MeshError, last: Next): Next {
    const { number: made, waits } = last;
    const { method, deadline, replayable, retryOn } = call;
    const leftMs = deadline === undefined ? maxWaitMs : remainingMs(deadline, clock);
    if (givenUp(call) !== undefined || replayable?.() === false) throw error;
    if (neverLeft(error) && leftMs > leastUsefulMs && call.elsewhere?.() === true) {
      return { number: made, waits, waitMs: 0 };
    }
    if (noRoom(error)) {
      const waitMs = waitBefore(waits + 2, error, random, backoff);
      if (waitMs + leastUsefulMs > leftMs) throw error;
      return { number: made, waits: waits + 1, waitMs };
    }
    const number = made + 1;
    const most = call.attempts ?? method.policy.attempts ?? attempts;
    if (number > most || classify(method, error, retryOn) === 'final') throw error;
    const waitMs = waitBefore(number, error, random, backoff);
    if (waitMs + leastUsefulMs > leftMs) throw error;
    // Last, because it is paid for: a retry that will not happen must not use up the budget.
    if (!neverLeft(error) && !budget.withdraw()) throw error;
    return { number, waits, waitMs };
  }

  async function waitAndTell(
    call: RepeatedCall,
    { number, waitMs }: Next,
    made: number,
  ): Promise<void> {
    const sinceMs = clock.monotonic();
    if (waitMs > 0) await wait(waitMs, call, clock);
    const reason = givenUp(call);
    if (reason !== undefined) throw reason;
    call.repeats?.(number === made, waitMs > 0 ? clock.monotonic() - sinceMs : 0);
  }

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
      let next = nextOrThrow(call, MeshError.from(thrown), last);
      const turn = await loop.execute(async (): Promise<Turn<T>> => {
        await waitAndTell(call, next, last.number);
        last = next;
        try {
          return { done: true, value: await attempt(last.number) };
        } catch (failure) {
          next = nextOrThrow(call, MeshError.from(failure), last);
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

/** Why the caller waits no longer; undefined while it does. */
function givenUp({ cancellation, signal, method }: RepeatedCall): MeshError | undefined {
  if (cancellation !== undefined) return cancellation.reason;
  return signal?.aborted === true ? aborted(signal, method.path.slice(1)) : undefined;
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
