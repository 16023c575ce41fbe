import type { CallContext } from '../kernel/call.ts';
import { aborted } from '../kernel/clock.ts';
import type { MeshError } from '../kernel/error.ts';

/** Nothing to release. */
const nothing = (): void => undefined;

/**
 * Runs `task` when `signal` aborts, at once if it has. The returned function forgets it; call it as soon as
 * the work has ended: a signal may outlive thousands of calls, and would keep all of them in memory.
 */
export function onAbort(signal: AbortSignal | undefined, task: () => void): () => void {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    task();
    return nothing;
  }
  signal.addEventListener('abort', task, { once: true });
  return () => {
    signal.removeEventListener('abort', task);
  };
}

/** What may end a call early. */
type Abortable = Pick<CallContext, 'signal' | 'cancellation' | 'method'>;

/** Runs `task` once when the caller of `context` gives up, at once if that has happened; the result forgets it. */
export function onGivenUp(context: Abortable, task: (reason: MeshError) => void): () => void {
  const { cancellation, signal } = context;
  if (cancellation !== undefined) return cancellation.onAbort(task);
  if (signal === undefined) return nothing;
  return onAbort(signal, () => {
    task(aborted(signal, context.method.path.slice(1)));
  });
}

/** Why the caller gave up: its own reason, if that is a MeshError. Undefined while it waits. */
export function givenUp(context: Abortable): MeshError | undefined {
  const { cancellation, signal } = context;
  if (cancellation !== undefined) return cancellation.reason;
  return signal?.aborted === true ? aborted(signal, context.method.path.slice(1)) : undefined;
}
