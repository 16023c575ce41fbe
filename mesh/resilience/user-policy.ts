import { setMaxListeners } from 'node:events';
import {
  type IDefaultPolicyContext,
  type IPolicy,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  isIsolatedCircuitError,
  isTaskCancelledError,
} from 'cockatiel';
import { MeshError } from '../kernel/error.ts';

/** A policy of cockatiel that a person puts around calls: `retry(...)`, `timeout(...)`, `wrap(...)`. */
export type CallPolicy = IPolicy<IDefaultPolicyContext, unknown>;

/** Whether it is one policy, and not a table of policies by method. */
export function isCallPolicy(given: object): given is CallPolicy {
  return 'execute' in given && typeof given.execute === 'function';
}

/**
 * Runs `work` under `policy`. What the policy itself throws becomes a MeshError, so that callers branch on
 * status and reason as for any other refusal; what `work` throws passes as it is.
 */
export async function underPolicy<T>(
  policy: CallPolicy,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return (await policy.execute(({ signal }) => {
      // Outside of a timeout this is one signal for all calls of the process, and Node warns at the eleventh listener.
      setMaxListeners(0, signal);
      return work(signal);
    })) as T;
  } catch (thrown) {
    throw ofPolicy(thrown);
  }
}

function ofPolicy(thrown: unknown): unknown {
  if (isTaskCancelledError(thrown)) {
    const text = 'given up by the policy around the call: its time-out has passed';
    return new MeshError(text, {
      status: 'DEADLINE_EXCEEDED',
      reason: 'POLICY_TIMEOUT',
      cause: thrown,
    });
  }
  if (isBrokenCircuitError(thrown) || isIsolatedCircuitError(thrown)) {
    const text = 'not called, the breaker of the policy around the call is open';
    return new MeshError(text, {
      status: 'UNAVAILABLE',
      reason: 'POLICY_BREAKER_OPEN',
      cause: thrown,
    });
  }
  if (isBulkheadRejectedError(thrown)) {
    const text = 'not called, the bulkhead of the policy around the call is full';
    return new MeshError(text, {
      status: 'RESOURCE_EXHAUSTED',
      reason: 'POLICY_BULKHEAD_FULL',
      cause: thrown,
    });
  }
  return thrown;
}
