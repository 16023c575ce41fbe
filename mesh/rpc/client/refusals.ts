/**
 * Keeps refusals from starving the event loop. A breaker that is open answers without any I/O, and a caller that
 * asks again as soon as it is refused would then go round in microtasks for a second or a minute: no timer of
 * the process fires, no health check is answered. So a turn of the event loop has room for a number of
 * refusals, far more than callers that do anything else between two calls can cause; those above it are told
 * in the next turn.
 */
export interface Refusals {
  /** Undefined: tell the caller now. Else when that resolves. */
  next(): Promise<void> | undefined;
}

/** Refusals a turn that are told at once. */
const perTurn = 256;

export function createRefusals(): Refusals {
  let told = 0;
  let turn: PromiseWithResolvers<void> | undefined;

  function ended(): void {
    told = 0;
    turn?.resolve();
    turn = undefined;
  }

  return {
    next() {
      if (told++ === 0) setImmediate(ended);
      if (told <= perTurn) return undefined;
      turn ??= Promise.withResolvers<void>();
      return turn.promise;
    },
  };
}
