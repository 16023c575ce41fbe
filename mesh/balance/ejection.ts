import { jitter, type Random } from '../kernel/random.ts';

/**
 * Where one endpoint stands. The breaker of a target sees the service as one thing; this takes out the one
 * instance that is broken while the others go on.
 */
export type Health =
  /**
   * Takes calls. `failures` is the run of failures at its end; `ejections` counts those behind it, the last
   * of which ended at `sinceMs`.
   */
  | {
      readonly kind: 'in';
      readonly failures: number;
      readonly ejections: number;
      readonly sinceMs: number;
    }
  /**
   * Takes no calls from `sinceMs` until `untilMs` (monotonic). `ejections` counts how often in a row; `absent`
   * if the last that was heard of it is that nobody takes calls there.
   */
  | {
      readonly kind: 'ejected';
      readonly sinceMs: number;
      readonly untilMs: number;
      readonly ejections: number;
      readonly absent: boolean;
    }
  /** Its time is over: one call at a time may try it, and the first answer decides. */
  | { readonly kind: 'probation'; readonly ejections: number; readonly absent: boolean };

export interface EjectionOptions {
  /** Failures in a row that eject an endpoint. Default 5 (Envoy `consecutive_5xx`, Finagle). */
  readonly ejectAfter: number;
  /** Ejects below this share of successes over `rateWindowMs`. Default 0.8 (Linkerd `unified`, Finagle). */
  readonly minSuccessRate: number;
  /** Window of the rate, in ms. Default 10_000 (Linkerd; Finagle takes 30 s). */
  readonly rateWindowMs: number;
  /** Calls in the window without which the rate says nothing. Default 5 (Linkerd, Finagle). */
  readonly minCalls: number;
  /** How long the first time, in ms, +-20 %; doubles each time. Default 1000 (Linkerd). */
  readonly ejectMs: number;
  /** Longest ejection, in ms. Default 60_000 (Linkerd). */
  readonly ejectMaxMs: number;
}

/** Why an endpoint was ejected. */
export type EjectionCause =
  /** It refused a call before any handler saw it: nothing listens there, or it is going away. */
  | 'refused'
  /** Too many failures in a row. */
  | 'failures-in-a-row'
  /** Too few successes in the window. */
  | 'success-rate'
  /** It failed the call that tried it after an ejection. */
  | 'failed-probe';

export const healthy: Health = { kind: 'in', failures: 0, ejections: 0, sinceMs: 0 };

/** What an endpoint that takes calls has against it after one more failure; undefined if too little. */
export function causeOf(
  health: Health,
  evidence: { readonly refused: boolean; readonly run: number; readonly successRate: number },
  { ejectAfter, minSuccessRate }: EjectionOptions,
): EjectionCause | undefined {
  if (health.kind === 'ejected') return undefined;
  if (evidence.refused) return 'refused';
  if (health.kind === 'probation') return 'failed-probe';
  if (evidence.run >= ejectAfter) return 'failures-in-a-row';
  return evidence.successRate < minSuccessRate ? 'success-rate' : undefined;
}

/** in -> in, with one more failure at its end. */
export function failed(health: Health): Health {
  return health.kind === 'in' ? { ...health, failures: health.failures + 1 } : health;
}

/**
 * probation -> in, and in -> in without failures at its end. A late success of an ejected endpoint was begun
 * before it broke and is no news; one that began since (in panic it is asked all the same) ends the ejection.
 */
export function succeeded(health: Health, startMs: number, nowMs: number): Health {
  if (health.kind === 'in') return health.failures === 0 ? health : { ...health, failures: 0 };
  if (health.kind === 'ejected' && startMs < health.sinceMs) return health;
  return { kind: 'in', failures: 0, ejections: health.ejections, sinceMs: nowMs };
}

/** ejected -> probation once its time is over. */
export function readmitted(health: Health, nowMs: number): Health {
  if (health.kind !== 'ejected' || nowMs < health.untilMs) return health;
  const { ejections, absent } = health;
  return { kind: 'probation', ejections, absent };
}

/** ejected -> ejected: a call in panic found that nobody is there. */
export function foundAbsent(health: Health): Health {
  return health.kind === 'ejected' && !health.absent ? { ...health, absent: true } : health;
}

/**
 * in | probation -> ejected, twice as long as the last time. One that breaks again within a window of its
 * return has not recovered: without that memory a half-broken endpoint, which answers every other probe,
 * would be out one second and in the next for ever.
 */
export function ejected(
  health: Health,
  { nowMs, absent }: { readonly nowMs: number; readonly absent: boolean },
  { ejectMs, ejectMaxMs, rateWindowMs }: EjectionOptions,
  random: Random,
): Extract<Health, { kind: 'ejected' }> {
  const recovered = health.kind === 'in' && nowMs - health.sinceMs > rateWindowMs;
  const ejections = recovered ? 1 : health.ejections + 1;
  const forMs = Math.min(ejectMs * 2 ** (ejections - 1), ejectMaxMs);
  // Jitter, so that a hundred clients that saw the same failure do not come back in the same instant.
  const untilMs = nowMs + jitter(forMs, 0.2, random);
  return { kind: 'ejected', sinceMs: nowMs, untilMs, ejections, absent };
}
