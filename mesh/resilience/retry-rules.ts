import type { MethodInfo } from '../kernel/call.ts';
import type { MeshError } from '../kernel/error.ts';
import { jitter, type Random } from '../kernel/random.ts';
import type { Status } from '../kernel/status.ts';
import { ownReasons } from './failure.ts';
import { neverReached, nobodyThere } from './unreached.ts';

/**
 * Which failures may be tried again, and when. The schema decides: a method that is not marked idempotent is
 * repeated only when the failed attempt surely never reached a handler.
 */
export type RetryClass =
  /** No handler has seen the call: another endpoint may have it now, whatever the method does. */
  | 'unreached'
  /** A handler may have seen it, and the method may run twice: wait, then try again. */
  | 'repeatable'
  | 'final';

/** `retryOn`: statuses that the policy of an idempotent method retries beside those that always are. */
export function classify(
  method: MethodInfo,
  error: MeshError,
  retryOn: readonly Status[] = [],
): RetryClass {
  if (neverReached(error)) return 'unreached';
  if (ours(error) || method.idempotency === 'unknown') return 'final';
  if (retryOn.includes(error.status)) return 'repeatable';
  switch (error.status) {
    case 'UNAVAILABLE':
      return 'repeatable';
    // Not our own deadline, or no time would be left: something behind the target was slow.
    case 'DEADLINE_EXCEEDED':
      return 'repeatable';
    // Not by our caller, whose signal is looked at first: a server that stops hard cancels its calls.
    case 'CANCELLED':
      return error.reason === undefined ? 'repeatable' : 'final';
    // A refusal for load is worth repeating only when the server says when.
    case 'RESOURCE_EXHAUSTED':
      return error.details.retryAfterMs === undefined ? 'final' : 'repeatable';
    default:
      return 'final';
  }
}

/** Found here, before or after the attempt: to ask again would find the same. */
function ours({ reason }: MeshError): boolean {
  return reason !== undefined && ownReasons.has(reason);
}

export interface BackoffOptions {
  /** Before the first retry, in ms; doubles from retry to retry. Default 25 (gRFC A44, Envoy). */
  readonly baseMs?: number;
  /** Longest wait, in ms, before jitter of +-20 %. Default 250 (gRFC A44: ten times the base). */
  readonly maxMs?: number;
}

/**
 * How long to wait before attempt `next` (2 for the first retry), in ms. What never reached a handler goes
 * out at once, the first time: after that nothing seems to listen anywhere, and hurry does not help; nor
 * does it where the way is full. A server's pushback is obeyed as it stands (gRFC A6); that of one that only
 * drains speaks for itself alone.
 */
export function waitBefore(
  next: number,
  error: MeshError,
  random: Random,
  { baseMs = 25, maxMs = 250 }: BackoffOptions = {},
): number {
  const { retryAfterMs } = error.details;
  if (neverReached(error)) {
    if (next === 2 && nobodyThere(error)) return 0;
  } else if (retryAfterMs !== undefined) return retryAfterMs;
  return jitter(Math.min(baseMs * 2 ** (next - 2), maxMs), 0.2, random);
}
