import type { Figures } from '../../gen/weft/admin/v1/admin.ts';
import { quantile } from '../telemetry/histogram.ts';

/** What ended, joined over processes. */
export interface Golden {
  readonly ended: number;
  readonly failed: number;
  readonly perSecond: number;
  /** 0 to 1; undefined when nothing ended. */
  readonly successRate: number | undefined;
  /** Of unary calls: how long a stream was open says nothing of speed. Undefined when there were none. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** The share of unary calls that went by lane; undefined when there were none. */
  readonly laneShare: number | undefined;
}

/** Some figures with what decides how they are read. */
export interface Part {
  readonly figures: Figures | undefined;
  readonly streaming: boolean;
  readonly lane: boolean;
}

/** Joins parts whose buckets have the same `bounds`. */
export function golden(parts: readonly Part[], bounds: readonly number[]): Golden {
  const all = parts.flatMap(({ figures }) => figures ?? []);
  const unary = parts.filter(({ streaming }) => !streaming);
  const ended = sum(all, (each) => each.ended);
  const failed = sum(all, (each) => each.failed);
  const buckets = new Array<number>(bounds.length + 1).fill(0);
  for (const { figures } of unary) {
    for (const [i, count] of (figures?.latencyBuckets ?? []).entries()) {
      buckets[i] = (buckets[i] ?? 0) + count;
    }
  }
  const unaryEnded = sum(unary, ({ figures }) => figures?.ended ?? 0);
  const at = (q: number): number | undefined =>
    unaryEnded === 0 ? undefined : quantile(bounds, buckets, q);
  return {
    ...{ ended, failed },
    perSecond: sum(all, (each) => each.perSecond),
    successRate: ended === 0 ? undefined : 1 - failed / ended,
    ...{ p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) },
    laneShare: share(
      sum(unary, ({ figures, lane }) => (lane ? (figures?.ended ?? 0) : 0)),
      unaryEnded,
    ),
  };
}

/** Undefined when there is nothing to have a share of. */
export function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}

export function sum<T>(rows: readonly T[], of: (row: T) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}
