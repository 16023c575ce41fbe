import type { Clock } from '../../kernel/clock.ts';

/** Two looks are at least this far apart, in ms; so late may a deadline be noticed, and a timer's own lateness more. */
const apartMs = 5;

/** One timer for the deadlines of all calls of a lane: a timer of its own would cost each one a microsecond. */
export interface Sweep {
  /** There is a deadline at `due`, in monotonic ms. */
  watch(due: number): void;
  stop(): void;
}

/**
 * `look` ends what was due by `now`, and returns the next deadline (Infinity: none). The timer is set for the
 * earliest deadline there was; calls mostly end well before, so it fires about once in the time of a deadline.
 */
export function createSweep(clock: Clock, look: (now: number) => number): Sweep {
  let armed = Number.POSITIVE_INFINITY;
  let cancel: (() => void) | undefined;

  function arm(due: number, inMs: number): void {
    cancel?.();
    armed = due;
    cancel = clock.after(inMs, fire);
  }

  function fire(): void {
    cancel = undefined;
    armed = Number.POSITIVE_INFINITY;
    const now = clock.monotonic();
    const next = look(now);
    if (next < armed) arm(next, Math.max(next - now, apartMs));
  }

  return {
    watch(due) {
      if (due < armed) arm(due, Math.max(due - clock.monotonic(), 0));
    },
    stop() {
      cancel?.();
      cancel = undefined;
      armed = Number.POSITIVE_INFINITY;
    },
  };
}
