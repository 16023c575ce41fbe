import type { MethodInfo } from '../kernel/call.ts';
import type { Cancellation } from '../kernel/cancellation.ts';
import { aborted, type Clock } from '../kernel/clock.ts';
import { type Deadline, remainingMs } from '../kernel/deadline.ts';
import type { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import type { Status } from '../kernel/status.ts';
import type { RetryBudget } from './budget.ts';
import { type BackoffOptions, classify, waitBefore } from './retry-rules.ts';
import { neverLeft, noRoom } from './unreached.ts';

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

/** The attempt after a failed one. */
export interface Next {
  /** That of the failed one, where that does not count. */
  readonly number: number;
  /** Waits for room so far, this one counted. */
  readonly waits: number;
  readonly waitMs: number;
}

/**
 * Longest pushback that is waited for when the call has no deadline, in ms; a caller is better served by
 * the error, which carries the pushback on.
 */
const maxWaitMs = 10_000;

/** What is left for an attempt after the wait must be worth starting one, in ms. */
const leastUsefulMs = 1;

export interface NextParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: RetryBudget;
  /** Most attempts where neither call nor schema says. */
  readonly attempts: number;
  readonly backoff: () => BackoffOptions;
}

/** What comes after a failed attempt; throws its error when nothing must. */
export function nextOrThrow(
  call: RepeatedCall,
  error: MeshError,
  last: Next,
  parts: NextParts,
): Next {
  const { clock } = parts;
  const { deadline } = call;
  const leftMs = deadline === undefined ? maxWaitMs : remainingMs(deadline, clock);
  if (givenUp(call) !== undefined || call.replayable?.() === false) throw error;
  const next = atNoCost(call, error, last, parts) ?? counted(call, error, last, parts);
  if (next.waitMs + leastUsefulMs > leftMs) throw error;
  // Last, because it is paid for: a retry that will not happen must not use up the budget.
  if (!neverLeft(error) && !parts.budget.withdraw()) throw error;
  return next;
}

/** For what never left this process: elsewhere at once, or here once there is room. */
function atNoCost(
  call: RepeatedCall,
  error: MeshError,
  { number, waits }: Next,
  { random, backoff }: NextParts,
): Next | undefined {
  if (!neverLeft(error)) return undefined;
  if (call.elsewhere?.() === true) return { number, waits, waitMs: 0 };
  if (!noRoom(error)) return undefined;
  return { number, waits: waits + 1, waitMs: waitBefore(waits + 2, error, random, backoff()) };
}

function counted(
  { method, retryOn, ...call }: RepeatedCall,
  error: MeshError,
  { number, waits }: Next,
  { random, attempts, backoff }: NextParts,
): Next {
  const next = number + 1;
  if (next > (call.attempts ?? method.policy.attempts ?? attempts)) throw error;
  if (classify(method, error, retryOn) === 'final') throw error;
  return { number: next, waits, waitMs: waitBefore(next, error, random, backoff()) };
}

/** Why the caller waits no longer; undefined while it does. */
export function givenUp({ cancellation, signal, method }: RepeatedCall): MeshError | undefined {
  if (cancellation !== undefined) return cancellation.reason;
  return signal?.aborted === true ? aborted(signal, method.path.slice(1)) : undefined;
}
