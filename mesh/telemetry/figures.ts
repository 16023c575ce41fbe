import type { Status } from '../kernel/status.ts';
import { type Cell, layout, totalOf } from './cells.ts';
import { latencyBoundsMs, quantile } from './histogram.ts';
import type { Window } from './window.ts';

/** What ended within the window, summed up for people. */
export interface Figures {
  readonly ended: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** By the buckets of `latencyBoundsMs`, and those over the last; zeros at the end are left out. */
  readonly latencyBuckets: readonly number[];
  readonly byStatus: Readonly<Partial<Record<Status, number>>>;
}

/**
 * Statuses that say that a service did not do its work. A caller's mistake and a call that was given up are
 * none, as for the breaker; RESOURCE_EXHAUSTED is one here: whoever was shed was not served.
 */
const failures: ReadonlySet<Status> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** The last minute of some cells, taken together. */
export function figuresOf(cells: readonly Cell[], window: Window): Figures {
  const buckets = new Array<number>(layout.latencySum).fill(0);
  const byStatus: Partial<Record<Status, number>> = {};
  let ended = 0;
  let failed = 0;
  for (const { status, values } of cells) {
    const grown = grownBy(values, window);
    const total = totalOf(grown);
    if (total === 0) continue;
    ended += total;
    if (failures.has(status)) failed += total;
    byStatus[status] = (byStatus[status] ?? 0) + total;
    for (let i = 0; i < buckets.length; i++) buckets[i] = (buckets[i] ?? 0) + (grown[i] ?? 0);
  }
  return {
    ...{ ended, failed, byStatus },
    perSecond: ended / window.seconds(),
    p50Ms: quantile(latencyBoundsMs, buckets, 0.5),
    p95Ms: quantile(latencyBoundsMs, buckets, 0.95),
    p99Ms: quantile(latencyBoundsMs, buckets, 0.99),
    latencyBuckets: buckets.slice(0, buckets.findLastIndex((count) => count > 0) + 1),
  };
}

/** What an array of numbers grew by since the window began. */
export function grownBy(values: Float64Array, window: Window): Float64Array {
  const before = window.before(values);
  return before === undefined ? values : values.map((value, i) => value - (before[i] ?? 0));
}
