import type { MeshError } from '../kernel/error.ts';

/**
 * What the end of a call says of the target's health:
 * - success: it answered, be it with NOT_FOUND: a breaker that counts the caller's mistakes opens for them;
 * - failure: it did not do its work;
 * - neutral: nothing was learned: the caller left, or the call never went out.
 */
export type Verdict = 'success' | 'failure' | 'neutral';

/** Given by weft before anything is asked of the target, so the target is not to blame. */
export const ownReasons: ReadonlySet<string> = new Set([
  'NO_ENDPOINT',
  'LANE_FULL',
  'CLIENT_CLOSED',
  'UNENCODABLE_REQUEST',
  'REQUEST_TOO_LARGE',
  'INVALID_METADATA',
  'REQUESTS_FAILED',
]);

/** UNAVAILABLE in the words of the mesh: somebody on the way is down, leaving or kept from asking. */
const downReasons: ReadonlySet<string> = new Set([
  ...['BREAKER_OPEN', 'POLICY_BREAKER_OPEN', 'ENDPOINT_UNREACHED', 'ENDPOINT_DRAINING'],
  ...['DRAINING', 'INSTANCE_LEAVING', 'SERVER_STOPPED', 'SERVER_STOPPING'],
  ...['STORE_BUSY', 'STORE_UNAVAILABLE', 'GROUP_LOST', 'CONSUL_UNAVAILABLE', 'BROKER_UNAVAILABLE'],
]);

/**
 * Whether an application answers UNAVAILABLE on purpose: in words of its own, and with the time after which to
 * ask again. Its handler has run and decided, as it does with NOT_FOUND; to keep all callers from asking for
 * that would take away what works (docs/decisions/0021-answers-open-no-breaker.md).
 */
function isAnswer({ status, reason, details: { retryAfterMs } }: MeshError): boolean {
  if (status !== 'UNAVAILABLE' || reason === undefined || downReasons.has(reason)) return false;
  return retryAfterMs !== undefined && Number.isFinite(retryAfterMs);
}

/**
 * The one classification of errors, for breaker and balancer alike. It follows Envoy's admission control and
 * gRPC's own reading of its codes; Linkerd counts PERMISSION_DENIED too, which punishes a service for
 * refusing well (linkerd2#12826). UNKNOWN counts only without a reason: that is an exception nobody meant.
 *
 * A target's answer that a breaker of its own is open counts as any UNAVAILABLE. Not to count it seems fairer, for
 * the target works and somebody behind it does not, and was tried: in the chain of docs/claims.md callers then
 * kept asking, and it had not recovered ten seconds after its cause was gone, where it takes four or less.
 */
export function verdictOf(error: MeshError): Verdict {
  const { reason } = error;
  if (reason !== undefined && ownReasons.has(reason)) return 'neutral';
  if (isAnswer(error)) return 'success';
  switch (error.status) {
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
    case 'INTERNAL':
    case 'DATA_LOSS':
      return 'failure';
    case 'UNKNOWN':
      return reason === undefined ? 'failure' : 'success';
    case 'CANCELLED':
      return 'neutral';
    default:
      return 'success';
  }
}

/** Refused here or there for load, not for what was asked. */
const loadReasons: ReadonlySet<string> = new Set([
  'BULKHEAD_FULL',
  'POLICY_BULKHEAD_FULL',
  'LANE_FULL',
  'OVERLOADED',
]);

/**
 * Whether an answer of another kind may stand in for this error: the target is down, late or overloaded. What
 * the caller did wrong, and what it gave up itself, no fallback may hide.
 */
export function mayFallBack(error: MeshError): boolean {
  const { status, reason, details } = error;
  if (status === 'RESOURCE_EXHAUSTED') {
    // Infinity is how a server says that to repeat the call is of no use: it is too large, not too much.
    if (Number.isFinite(details.retryAfterMs)) return true;
    return reason !== undefined && loadReasons.has(reason);
  }
  if (reason === 'NO_ENDPOINT') return true;
  return isAnswer(error) || verdictOf(error) === 'failure';
}
