import type { MeshError } from '../kernel/error.ts';

/**
 * What the end of a call says of the target's health:
 * - success: it answered, be it with NOT_FOUND: a breaker that counts the caller's mistakes opens for them;
 * - failure: it did not do its work;
 * - neutral: nothing was learned: the caller left, or the call never went out.
 */
export type Verdict = 'success' | 'failure' | 'neutral';

/** Given by weft before anything is asked of the target, so the target is not to blame. */
const ownReasons: ReadonlySet<string> = new Set([
  'NO_ENDPOINT',
  'CLIENT_CLOSED',
  'UNENCODABLE_REQUEST',
  'REQUEST_TOO_LARGE',
  'INVALID_METADATA',
  'REQUESTS_FAILED',
]);

/**
 * The one classification of errors, for breaker and balancer alike. It follows Envoy's admission control and
 * gRPC's own reading of its codes; Linkerd counts PERMISSION_DENIED too, which punishes a service for
 * refusing well (linkerd2#12826). UNKNOWN counts only without a reason: that is an exception nobody meant.
 */
export function verdictOf(error: MeshError): Verdict {
  if (error.reason !== undefined && ownReasons.has(error.reason)) return 'neutral';
  switch (error.status) {
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
    case 'INTERNAL':
    case 'DATA_LOSS':
      return 'failure';
    case 'UNKNOWN':
      return error.reason === undefined ? 'failure' : 'success';
    case 'CANCELLED':
      return 'neutral';
    default:
      return 'success';
  }
}
