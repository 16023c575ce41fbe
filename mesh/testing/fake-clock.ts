import { aborted, type Clock } from '../kernel/clock.ts';

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Moves time by `ms`, running every timer that falls due on the way, at its own moment and in order. */
  advance(ms: number): void;
  /** In how many ms the first timer falls due; undefined: none waits. */
  readonly nextMs: number | undefined;
  /** Timers that wait; 0 proves that nothing was left behind. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

/**
 * A clock for tests: wall time begins at `startMs`, monotonic time at 0. What a due timer causes in a later
 * microtask (as a promise that resolves) has not happened yet when `advance` returns: await it.
 */
export function createFakeClock({ startMs = 1_750_000_000_000 } = {}): FakeClock {
  let elapsed = 0;
  const timers = new Set<Timer>();

  function nextDue(until: number): Timer | undefined {
    let first: Timer | undefined;
    // Insertion order breaks ties, as it does among real timers.
    for (const timer of timers) {
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }

  function after(ms: number, task: () => void): () => void {
    const timer: Timer = { at: elapsed + Math.max(0, ms), task };
    timers.add(timer);
    return () => {
      timers.delete(timer);
    };
  }

  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    after,
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(aborted(signal, 'a wait'));
          return;
        }
        const onAbort = (): void => {
          cancel();
          reject(aborted(signal as AbortSignal, 'a wait'));
        };
        const cancel = after(ms, () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        });
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    advance(ms) {
      const until = elapsed + ms;
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        timers.delete(due);
        elapsed = Math.max(elapsed, due.at);
        due.task();
      }
      elapsed = until;
    },
    get nextMs() {
      const next = nextDue(Number.POSITIVE_INFINITY);
      return next === undefined ? undefined : Math.max(0, next.at - elapsed);
    },
    get pending() {
      return timers.size;
    },
  };
}
