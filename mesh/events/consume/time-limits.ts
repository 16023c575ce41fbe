import type { Clock } from '../../kernel/clock.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { Scope } from '../../kernel/scope.ts';

/** Ends scopes whose time is over. */
export interface TimeLimits {
  /** From `atMs` (monotonic) on, `scope` is aborted with what `error` makes. Call what is returned when it is over. */
  limit(scope: Scope, atMs: number, error: () => MeshError): () => void;
  /** Aborts all that run and, from now on, whatever else begins. */
  abort(reason: MeshError): void;
}

/**
 * One timer for all scopes, set for the one that is due first: most end long before, and a timer for each
 * would cost more than many a handler.
 */
export function createTimeLimits(clock: Clock): TimeLimits {
  const limits = new Map<Scope, { readonly atMs: number; readonly error: () => MeshError }>();
  let wakeAtMs = Number.POSITIVE_INFINITY;
  let cancel = (): void => undefined;
  let aborted: MeshError | undefined;

  const wakeAt = (atMs: number): void => {
    if (atMs >= wakeAtMs) return;
    cancel();
    wakeAtMs = atMs;
    // A timer may fire a little early; then it is set again.
    cancel = clock.after(Math.max(1, atMs - clock.monotonic()), look);
  };
  const look = (): void => {
    wakeAtMs = Number.POSITIVE_INFINITY;
    const nowMs = clock.monotonic();
    let firstMs = Number.POSITIVE_INFINITY;
    for (const [scope, { atMs, error }] of [...limits]) {
      if (atMs <= nowMs) scope.abort(error());
      else firstMs = Math.min(firstMs, atMs);
    }
    if (firstMs < Number.POSITIVE_INFINITY) wakeAt(firstMs);
  };
  return {
    limit(scope, atMs, error) {
      if (aborted !== undefined) scope.abort(aborted);
      limits.set(scope, { atMs, error });
      wakeAt(atMs);
      return () => {
        limits.delete(scope);
        if (limits.size > 0) return;
        // Nobody is left: a clock that is moved by hand, and a process at rest, have no timer of ours.
        cancel();
        wakeAtMs = Number.POSITIVE_INFINITY;
      };
    },
    abort(reason) {
      aborted = reason;
      for (const scope of [...limits.keys()]) scope.abort(reason);
    },
  };
}
