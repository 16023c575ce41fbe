import type { MeshError } from '../../kernel/error.ts';

/**
 * The life of one call on the server. An AbortSignal costs microseconds (an AbortController is an
 * EventTarget, an abort builds a DOMException), and most calls end well without anybody looking at it: so
 * the end of a call is kept here, and a signal is made only for those who ask.
 */
export interface Scope {
  /** Aborts with `reason`; made on first use. */
  readonly signal: AbortSignal;
  /** Why the call ended early; undefined while it runs and when it ended well. */
  readonly reason: MeshError | undefined;
  /** Ends the call early. The first reason stays; without effect after `finish`. */
  abort(reason: MeshError): void;
  /** The call is answered; from now on nothing can abort it. */
  finish(): void;
  /** Calls `listener` once on abort, at once if that has happened; the returned function takes it back. */
  onAbort(listener: (reason: MeshError) => void): () => void;
  /** Settles as `work` does, or rejects with the reason as soon as the call ends early. */
  race<T>(work: Promise<T>): Promise<T>;
}

const nothing = (): void => undefined;

/** The scope of a call that begins now. */
export function createScope(): Scope {
  const listeners = new Set<(reason: MeshError) => void>();
  let controller: AbortController | undefined;
  let reason: MeshError | undefined;
  let finished = false;

  function abort(because: MeshError): void {
    if (finished || reason !== undefined) return;
    reason = because;
    for (const listener of [...listeners]) listener(because);
    listeners.clear();
    controller?.abort(because);
  }

  function onAbort(listener: (reason: MeshError) => void): () => void {
    if (reason !== undefined) {
      listener(reason);
      return nothing;
    }
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  return {
    get signal() {
      controller ??= new AbortController();
      if (reason !== undefined && !controller.signal.aborted) controller.abort(reason);
      return controller.signal;
    },
    get reason() {
      return reason;
    },
    abort,
    finish() {
      finished = true;
      listeners.clear();
    },
    onAbort,
    async race(work) {
      let release = nothing;
      const interrupted = new Promise<never>((_resolve, reject) => {
        release = onAbort(reject);
      });
      try {
        return await Promise.race([work, interrupted]);
      } finally {
        release();
      }
    },
  };
}
