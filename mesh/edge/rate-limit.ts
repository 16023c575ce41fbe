import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';

/** How much one user may ask: a bucket of tokens that fills steadily. */
export interface RateOptions {
  /** Requests a second, in the long run. */
  readonly perSecond: number;
  /** Requests at once, after a pause. Default: those of two seconds. */
  readonly burst?: number;
  /** Users that are remembered; beyond that, those whose buckets are full are forgotten first. Default 100 000. */
  readonly users?: number;
}

/** What a user may still do. */
export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  /** Until the bucket is full again, in ms. */
  readonly resetMs: number;
}

export interface RateLimit {
  /** Takes one; throws RESOURCE_EXHAUSTED / RATE_LIMITED with the time until the next one is there. */
  take(user: string): RateState;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

export function createRateLimit(options: RateOptions, clock: Clock): RateLimit {
  const { perSecond, burst = Math.max(1, perSecond * 2), users = 100_000 } = options;
  const buckets = new Map<string, Bucket>();
  const fullAfterMs = (burst / perSecond) * 1000;

  function forgetSome(nowMs: number): void {
    // In the order of last use: whoever was quiet for long enough has a full bucket, as a new user has.
    for (const [user, { atMs }] of buckets) {
      if (buckets.size <= users && nowMs - atMs < fullAfterMs) return;
      buckets.delete(user);
    }
  }

  return {
    take(user) {
      const nowMs = clock.monotonic();
      const bucket = buckets.get(user) ?? { tokens: burst, atMs: nowMs };
      const tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
      const granted = tokens >= 1;
      const left = granted ? tokens - 1 : tokens;
      buckets.delete(user);
      buckets.set(user, { tokens: left, atMs: nowMs });
      forgetSome(nowMs);
      const resetMs = ((burst - left) / perSecond) * 1000;
      if (granted) return { limit: burst, remaining: Math.floor(left), resetMs };
      throw limited(((1 - left) / perSecond) * 1000, burst);
    },
  };
}

/** The fields of draft-ietf-httpapi-ratelimit-headers, in the form that most clients read. */
export function rateHeaders({ limit, remaining, resetMs }: RateState): Record<string, string> {
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': String(Math.ceil(resetMs / 1000)),
  };
}

function limited(retryAfterMs: number, limit: number): MeshError {
  return new MeshError(
    `too many requests; wait ${Math.ceil(retryAfterMs)} ms and send at most ${limit} at once`,
    {
      status: 'RESOURCE_EXHAUSTED',
      reason: 'RATE_LIMITED',
      details: { retryAfterMs, facts: { limit: String(limit) } },
    },
  );
}
