/** Upper bounds of buckets, ascending; one more bucket holds what is over the last. */
export type Bounds = Float64Array;

/** The latency buckets of gRFC A66, which gives them in seconds. */
const a66Seconds = [
  0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006,
  0.008, 0.01, 0.013, 0.016, 0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25,
  0.3, 0.4, 0.5, 0.65, 0.8, 1, 2, 5, 10, 20, 50, 100,
];

/** In ms, because that is what is measured: 0, 0.01, 0.05 ... 100 000. */
export const latencyBoundsMs: Bounds = Float64Array.from(a66Seconds, (s) => round(s * 1000));

/** The size buckets of gRFC A66, in bytes. */
export const sizeBounds: Bounds = Float64Array.of(
  ...[0, 1024, 2048, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
  ...[268435456, 1073741824, 4294967296],
);

/** The buckets of gRFC A96 for retries, and for hedges, of one call. */
export const retryBounds: Bounds = Float64Array.of(1, 2, 3, 4, 5);

/** The buckets of gRFC A96 for transparent retries of one call. */
export const transparentBounds: Bounds = Float64Array.of(1, 2, 3, 4, 5, 10);

/** 0.3 * 1000 is 300.00000000000006 in some of these; a bound is read by people. */
function round(ms: number): number {
  return Math.round(ms * 1e6) / 1e6;
}

/** The bucket of `value`: the first whose bound is not below it, as Prometheus' `le` wants it. */
export function bucketOf(bounds: Bounds, value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (bounds[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The value that a share `q` of all is not above, by a straight line through its bucket, as Prometheus'
 * histogram_quantile does: no better than the buckets are. 0 when there is nothing; what lies over the last
 * bound counts as the last bound.
 */
export function quantile(
  bounds: ArrayLike<number>,
  counts: readonly number[] | Float64Array,
  q: number,
): number {
  let total = 0;
  for (const count of counts) total += count;
  if (total === 0) return 0;
  const rank = q * total;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const count = counts[i] ?? 0;
    if (count > 0 && below + count >= rank) {
      const from = i === 0 ? 0 : (bounds[i - 1] ?? 0);
      const to = bounds[i] ?? from;
      return from + ((to - from) * Math.max(0, rank - below)) / count;
    }
    below += count;
  }
  return bounds[bounds.length - 1] ?? 0;
}
