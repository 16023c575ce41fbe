import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import type { Status } from '../kernel/status.ts';

/**
 * Faults on purpose, drawn for each attempt as Envoy and gRFC A33 draw them, but below retries, breaker and balancer and
 * not above: what is to be seen is how these deal with them. A share of attempts waits, a share fails, and both
 * draws are independent.
 */
export interface InjectedFault {
  readonly abort?: { readonly status: Status; readonly share: number };
  readonly delay?: { readonly ms: number; readonly share: number };
  /** ISO 8601. */
  readonly until: string;
}

/** The reason of errors that were made on purpose. */
export const faultReason = 'FAULT_INJECTED';

/** What one attempt is to suffer; undefined for nothing. A fault whose time is over is none. */
export function drawFault(
  { abort, delay, until }: InjectedFault,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): { readonly waitMs: number; readonly abort: Status | undefined } | undefined {
  if (clock.now() >= Date.parse(until)) return undefined;
  const waitMs = delay !== undefined && random.next() < delay.share ? delay.ms : 0;
  const fails = abort !== undefined && random.next() < abort.share;
  return waitMs === 0 && !fails ? undefined : { waitMs, abort: fails ? abort.status : undefined };
}

/** The error of an attempt to `name` that was not sent. */
export function faultError(name: string, status: Status, { until }: InjectedFault): MeshError {
  return new MeshError(`${name}: failed on purpose, by a fault that is set until ${until}`, {
    status,
    reason: faultReason,
  });
}
