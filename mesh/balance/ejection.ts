import { jitter, type Random } from '../kernel/random.ts';

/**
 * Where one endpoint stands. The breaker of a target sees the service as one thing; this takes out the one
 * instance that is broken while the others go on.
 */
export type Health =
  /** Takes calls; `failures` is the run of failures at its end. */
  | { readonly kind: 'in'; readonly failures: number }
  /** Takes no calls until `untilMs` (monotonic). `ejections` counts how often in a row. */
  | { readonly kind: 'ejected'; readonly untilMs: number; readonly ejections: number }
  /** Its time is over: one call at a time may try it, and the first answer decides. */
  | { readonly kind: 'probation'; readonly ejections: number };

export interface EjectionOptions {
  /** Failures in a row that eject an endpoint. Default 5 (Envoy `consecutive_5xx`, Finagle). */
  readonly ejectAfter: number;
  /** How long the first time, in ms, +-20 %; doubles each time. Default 1000 (Linkerd). */
  readonly ejectMs: number;
  /** Longest ejection, in ms. Default 60_000 (Linkerd). */
  readonly ejectMaxMs: number;
}

export const healthy: Health = { kind: 'in', failures: 0 };

/** in -> in | ejected, probation -> ejected. A late failure of an ejected endpoint is no news. */
export function failed(
  health: Health,
  nowMs: number,
  options: EjectionOptions,
  random: Random,
): Health {
  switch (health.kind) {
    case 'ejected':
      return health;
    case 'in': {
      const failures = health.failures + 1;
      if (failures < options.ejectAfter) return { kind: 'in', failures };
      return eject(1, nowMs, options, random);
    }
    case 'probation':
      return eject(health.ejections + 1, nowMs, options, random);
  }
}

/** in | probation -> in. A late success of an ejected endpoint was begun before it broke: no news. */
export function succeeded(health: Health): Health {
  return health.kind === 'ejected' || health === healthy ? health : healthy;
}

/** ejected -> probation once its time is over. */
export function readmitted(health: Health, nowMs: number): Health {
  if (health.kind !== 'ejected' || nowMs < health.untilMs) return health;
  return { kind: 'probation', ejections: health.ejections };
}

/**
 * in | probation -> ejected, on the first refusal: nothing listens there, or it says that it is going away.
 * Every further call would be refused as well (Finagle's FailFast).
 */
export function refused(
  health: Health,
  nowMs: number,
  options: EjectionOptions,
  random: Random,
): Health {
  const atOnce = { ...options, ejectAfter: 1 };
  return failed(health, nowMs, atOnce, random);
}

function eject(
  ejections: number,
  nowMs: number,
  { ejectMs, ejectMaxMs }: EjectionOptions,
  random: Random,
): Health {
  const forMs = Math.min(ejectMs * 2 ** (ejections - 1), ejectMaxMs);
  // Jitter, so that a hundred clients that saw the same failure do not come back in the same instant.
  return { kind: 'ejected', untilMs: nowMs + jitter(forMs, 0.2, random), ejections };
}
