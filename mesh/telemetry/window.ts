import type { Clock } from '../kernel/clock.ts';
import { createPeriod } from './period.ts';

/**
 * The last minute of numbers that only ever grow. A scraper keeps its own history; a person who asks
 * `weft stat` wants the rate and the latency of now, and nobody has stored them: so the numbers are
 * copied every few seconds, and what they grew by since the oldest copy is the last minute.
 */
export interface Window {
  /** The numbers of `values` as they were when the window began; undefined: all zero. */
  before(values: Float64Array): Float64Array | undefined;
  /** The time since the window began, in s; never 0. */
  seconds(): number;
  close(): void;
}

export interface WindowOptions {
  readonly clock: Clock;
  /** The arrays to follow; new ones may appear. */
  readonly arrays: () => Iterable<Float64Array>;
  /** What the window covers once the process is that old, in ms. Default 60_000 (Linkerd's `viz stat`). */
  readonly spanMs?: number;
  /** Copies within that time; the window is up to one step longer than it should be. Default 12. */
  readonly steps?: number;
}

interface Copy {
  readonly atMs: number;
  readonly values: ReadonlyMap<Float64Array, Float64Array>;
}

export function createWindow(options: WindowOptions): Window {
  const { clock, arrays, spanMs = 60_000, steps = 12 } = options;
  let oldest: Copy = { atMs: clock.monotonic(), values: new Map() };
  const copies: Copy[] = [oldest];

  function copy(): void {
    const last = copies.at(-1)?.values;
    const values = new Map<Float64Array, Float64Array>();
    for (const array of arrays()) {
      const known = last?.get(array);
      // What stood still shares its copy: a process with many methods has few that are busy.
      values.set(array, known !== undefined && same(known, array) ? known : array.slice());
    }
    copies.push({ atMs: clock.monotonic(), values });
    if (copies.length > steps + 1) copies.shift();
    oldest = copies[0] ?? oldest;
  }

  const period = createPeriod(clock, spanMs / steps, copy);
  return {
    before: (values) => oldest.values.get(values),
    seconds: () => Math.max(0.001, (clock.monotonic() - oldest.atMs) / 1000),
    close: () => {
      period.close();
    },
  };
}

function same(a: Float64Array, b: Float64Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
