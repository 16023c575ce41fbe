import type { Clock } from '../kernel/clock.ts';

/** How often something happened of late. */
export interface RollingCount {
  /** Counts one occurrence at `nowMs` (monotonic); whoever knows the time already saves reading the clock. */
  add(nowMs?: number): void;
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
  const counts = new Float64Array(size);
  const slots = new Float64Array(size).fill(-1);

  return {
    add(nowMs = clock.monotonic()) {
      const slot = Math.floor(nowMs / slotMs);
      const index = slot % size;
      counts[index] = slots[index] === slot ? (counts[index] ?? 0) + 1 : 1;
      slots[index] = slot;
    },
    sum() {
      const oldest = Math.floor(clock.monotonic() / slotMs) - size + 1;
      let sum = 0;
      for (let i = 0; i < size; i++) if ((slots[i] ?? -1) >= oldest) sum += counts[i] ?? 0;
      return sum;
    },
    clear() {
      slots.fill(-1);
    },
  };
}
