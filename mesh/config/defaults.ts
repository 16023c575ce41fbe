import type { Status } from '../kernel/status.ts';
import type { Fault, MethodPolicy, TargetPolicy } from './policy.ts';

/*
 * Every number that stands when nobody says another, in one place and with its source. Schema, client
 * options and live policy are laid over it (effective.ts).
 */

/** What stands for one method. */
export interface EffectiveMethodPolicy extends Required<MethodPolicy> {
  /** Absent, not undefined, for nearly all: calls pay one look for it. */
  readonly fault?: Fault;
}

/** What stands for a target as a whole: one breaker, one bulkhead, one budget for all its methods. */
export interface EffectiveTargetPolicy {
  readonly retry: Required<NonNullable<TargetPolicy['retry']>>;
  readonly budget: Required<NonNullable<TargetPolicy['budget']>>;
  readonly breaker: Required<NonNullable<TargetPolicy['breaker']>>;
  readonly bulkhead: Required<NonNullable<TargetPolicy['bulkhead']>>;
  readonly lane: boolean;
  readonly unix: boolean;
}

const noStatus: readonly Status[] = [];

export const defaultMethodPolicy: EffectiveMethodPolicy = {
  // go-zero's default for clients and servers. A call without an end holds memory without an end.
  timeoutMs: 2_000,
  // gRFC A6's customary three: the second attempt meets another endpoint, the third a third.
  attempts: 3,
  // Off: only the application knows how long its stream may be silent.
  idleTimeoutMs: 0,
  // Off, as in Finagle: an extra request is asked for, never given by default.
  maxExtraLoad: 0,
  // Nothing beside what is always retried.
  retryOn: noStatus,
};

export const defaultTargetPolicy: EffectiveTargetPolicy = {
  // Envoy and gRFC A44: 25 ms, and ten times that.
  retry: { baseMs: 25, maxMs: 250 },
  // Finagle's RetryBudget, Linkerd's default: a fifth of the calls, and ten a second for quiet clients.
  budget: { share: 0.2, perSecond: 10 },
  // Linkerd 2.20, `unified`: a rate over ten seconds or a run of seven; a second, doubling to a minute.
  breaker: {
    minSuccessRate: 0.8,
    windowMs: 10_000,
    minCalls: 5,
    consecutive: 7,
    openMs: 1_000,
    maxOpenMs: 60_000,
  },
  // Envoy and gRFC A32, max_requests.
  bulkhead: { maxInFlight: 1_024 },
  lane: true,
  unix: true,
};
