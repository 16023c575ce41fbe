import type { Clock } from '../kernel/clock.ts';

/** How often something happened of late. */
export interface RollingCount {
  add(): void;
  /** Occurrences of the last `windowMs`, and of up to one slot more. */
  sum(): number;
  clear(): void;
}

export interface RollingCountOptions {
  readonly clock: Clock;
  /** Length of the window in ms. */
  readonly windowMs: number;
  /** Time that shares one counter, in ms. Default: a tenth of the window. */
  readonly slotMs?: number;
}

/**
 * A ring of counters, one for each slot of time. Every counter remembers which slot it belongs to, so time
 * in which nothing happened ages the ring like any other. cockatiel's SamplingBreaker moves on by one
 * window at each call instead, however long ago the last call was: there 60 failures of an hour ago and one
 * new one open the breaker.
 */
export function createRollingCount(options: RollingCountOptions): RollingCount {
  const { clock, windowMs, slotMs = windowMs / 10 } = options;
  // One slot more than the window, because the newest one has only begun.
  const size = Math.ceil(windowMs / slotMs) + 1;
  const counts = new Array<number>(size).fill(0);
  const slots = new Array<number>(size).fill(-1);
  const slotNow = (): number => Math.floor(clock.monotonic() / slotMs);

  return {
    add() {
      const slot = slotNow();
      const index = slot % size;
      counts[index] = slots[index] === slot ? (counts[index] ?? 0) + 1 : 1;
      slots[index] = slot;
    },
    sum() {
      const oldest = slotNow() - size + 1;
      return counts.reduce((sum, count, i) => ((slots[i] ?? -1) >= oldest ? sum + count : sum), 0);
    },
    clear() {
      slots.fill(-1);
    },
  };
}
