import type { Metadata } from '../kernel/call.ts';
import type { Clock } from '../kernel/clock.ts';
import { currentContext, runInContext } from '../kernel/context.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import type { EdgeRequest } from './edge-request.ts';

/** Keys under which services read who asks. The edge alone writes them: what a caller sends is not passed on. */
const userKey = 'weft-user';
const scopesKey = 'weft-user-scopes';

/** What a call carries of the request that it is made for. */
export function metadataOf({ requestId, principal }: EdgeRequest): Metadata {
  if (principal === undefined) return { 'x-request-id': requestId };
  const { subject, scopes } = principal;
  return {
    'x-request-id': requestId,
    // Metadata is ASCII, and users have names.
    [userKey]: encodeURIComponent(subject),
    ...(scopes.length > 0 && { [scopesKey]: scopes.map(encodeURIComponent).join(' ') }),
  };
}

const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * How long the caller waits, in ms: "X-Request-Timeout: 1.5" in seconds, or gRPC's "grpc-timeout: 1500m".
 * Undefined: it does not say.
 */
export function timeoutOf({ headers }: EdgeRequest): number | undefined {
  const seconds = headers['x-request-timeout'];
  const grpc = headers['grpc-timeout'];
  if (typeof seconds === 'string') {
    if (/^\d{1,6}(\.\d{1,9})?$/.test(seconds)) return Number(seconds) * 1000;
    throw badTimeout('x-request-timeout', 'seconds, as 1.5');
  }
  if (typeof grpc !== 'string') return undefined;
  const [, amount = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(grpc) ?? [];
  if (amount === '') throw badTimeout('grpc-timeout', 'a number and a unit, as 1500m');
  return Number(amount) * (units[unit] ?? 0);
}

/**
 * Does `work` with the caller's patience as deadline. It can only shorten what the contract allows: a stranger
 * does not make the mesh wait for longer.
 */
export function withPatience<T>(request: EdgeRequest, clock: Clock, work: () => T): T {
  const timeoutMs = timeoutOf(request);
  if (timeoutMs === undefined) return work();
  return runInContext({ ...currentContext(), deadline: deadlineIn(timeoutMs, clock) }, work);
}

function badTimeout(header: string, wanted: string): MeshError {
  return MeshError.invalid('the request cannot be understood', [
    { field: header, description: `say ${wanted}`, reason: 'INVALID_TIMEOUT' },
  ]);
}
