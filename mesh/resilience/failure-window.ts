import { CircuitState, type IBreaker } from 'cockatiel';
import type { Clock } from '../kernel/clock.ts';
import { createRollingCount } from './rolling-count.ts';

export interface FailureWindowOptions {
  /** Opens below this share of successes. Default 0.8 (Linkerd `unified`, Finagle). */
  readonly minSuccessRate?: number;
  /** Over this time, in ms. Default 10_000 (Linkerd). */
  readonly windowMs?: number;
  /** And with at least this many calls in it; fewer prove nothing. Default 5 (Linkerd). */
  readonly minCalls?: number;
  /** Opens after this many failures in a row, however few. Default 7 (Linkerd, there for one endpoint). */
  readonly consecutive?: number;
  /** How long such a row must last at least, in ms. Default 100. */
  readonly consecutiveMs?: number;
}

/** When a breaker opens, as cockatiel asks it; with words for the log. */
export interface FailureWindow extends IBreaker {
  success(state: CircuitState, nowMs?: number): void;
  /** Other thresholds from now on. What was counted stays, unless the window has another length. */
  configure(options: FailureWindowOptions): void;
  /** What is in the window, as "7 failures in a row" or "success 62 % of 21 calls". */
  describe(): string;
}

/**
 * Two rules, because each is blind where the other sees: a rate learns late of a service that died after
 * much success, or among few calls; a run misses one that fails every second call. A run must last, because
 * a connection that breaks fails all it carries in one moment: eight of 250 calls, measured, and the other
 * instances were well.
 */
export function createFailureWindow(options: FailureWindowOptions, clock: Clock): FailureWindow {
  let { minSuccessRate, windowMs, minCalls, consecutive, consecutiveMs } = complete(options);
  let successes = createRollingCount({ clock, windowMs });
  let failures = createRollingCount({ clock, windowMs });
  let run = 0;
  let runSinceMs = 0;

  const isRun = (): boolean =>
    run >= consecutive && clock.monotonic() - runSinceMs >= consecutiveMs;

  function clear(): void {
    run = 0;
    successes.clear();
    failures.clear();
  }

  return {
    // Kept for cockatiel's own hydration, which weft does not use: a process starts without a past.
    state: undefined,
    success(state, nowMs) {
      // A probe closed the breaker: what was before it opened must not open it again.
      if (state === CircuitState.HalfOpen) clear();
      run = 0;
      successes.add(nowMs);
    },
    failure(state) {
      if (run === 0) runSinceMs = clock.monotonic();
      run++;
      failures.add();
      if (state !== CircuitState.Closed || isRun()) return true;
      const failed = failures.sum();
      const calls = failed + successes.sum();
      return calls >= minCalls && calls - failed < minSuccessRate * calls;
    },
    configure(news) {
      const before = windowMs;
      ({ minSuccessRate, windowMs, minCalls, consecutive, consecutiveMs } = complete(news));
      if (windowMs === before) return;
      successes = createRollingCount({ clock, windowMs });
      failures = createRollingCount({ clock, windowMs });
    },
    describe() {
      if (isRun()) return `${String(run)} failures in a row`;
      const calls = failures.sum() + successes.sum();
      const share = calls === 0 ? 100 : Math.round((100 * successes.sum()) / calls);
      return `success ${String(share)} % of ${String(calls)} calls in ${String(windowMs / 1000)} s`;
    },
  };
}

function complete(options: FailureWindowOptions): Required<FailureWindowOptions> {
  const { minSuccessRate = 0.8, windowMs = 10_000, minCalls = 5 } = options;
  const { consecutive = 7, consecutiveMs = 100 } = options;
  return { minSuccessRate, windowMs, minCalls, consecutive, consecutiveMs };
}
