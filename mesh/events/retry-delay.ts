import { jitter, type Random } from '../kernel/random.ts';

export interface RetryDelay {
  /** In ms. */
  readonly firstMs: number;
  /** In ms, before jitter. */
  readonly longestMs: number;
}

/**
 * The wait after the n-th failure (n from 1): `firstMs`, doubled each time, at most `longestMs`, give or
 * take 20 %. With 1 s and 60 s: 1, 2, 4, 8 s. Computed here, because a NAK makes nats-server ignore the
 * consumer's own backoff.
 */
export function retryDelayMs(
  n: number,
  { firstMs, longestMs }: RetryDelay,
  random: Random,
): number {
  // 2 ** 1000 is Infinity, which Math.min takes well.
  return jitter(Math.min(longestMs, firstMs * 2 ** (n - 1)), 0.2, random);
}
