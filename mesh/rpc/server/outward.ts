import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { ServerContext } from './call.ts';

/** What a caller is told of something thrown. */
export type Outward = (thrown: unknown, context: ServerContext) => MeshError;

/**
 * Decides what a caller may know of an error. A MeshError was written for callers and passes. Anything else
 * may hold a stack, a query, a path or a password: it goes to the log, and outward goes INTERNAL /
 * HANDLER_FAILED with the trace under which the log has it.
 */
export function createOutward(log: Log): Outward {
  return (thrown, { scope, method, trace }) => {
    // Whatever a handler throws once nobody waits is a consequence of that, not a fault of its own.
    if (scope.reason !== undefined) return scope.reason;
    const name = `${method.service}/${method.name}`;
    if (
      thrown instanceof MeshError &&
      (thrown.status !== 'UNKNOWN' || thrown.reason !== undefined)
    ) {
      log.debug('call refused', { method: name, traceId: trace.traceId, err: thrown });
      return thrown;
    }
    log.error('handler failed', { method: name, traceId: trace.traceId, err: thrown });
    return new MeshError(
      `the handler failed; the server's log has the cause, trace ${trace.traceId}`,
      { status: 'INTERNAL', reason: 'HANDLER_FAILED', cause: thrown },
    );
  };
}
