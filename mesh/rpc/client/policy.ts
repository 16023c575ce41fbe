import { type Clock, systemClock } from '../../kernel/clock.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import type { BreakerOptions } from '../../resilience/breaker.ts';
import { type BulkheadOptions, createGuard, type Guard } from '../../resilience/guard.ts';
import { createRetry, type Retry, type RetryOptions } from '../../resilience/retry.ts';

/** What may be tuned of the policy towards one target, whatever its calls travel on. */
export interface PolicyOptions {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Told when the breaker opens, probes and closes. Default: nobody. */
  readonly log?: Log;
  /** Longest time of a unary call whose schema names none, in ms. Default 2000 (go-zero). */
  readonly timeoutMs?: number;
  readonly breaker?: BreakerOptions;
  readonly bulkhead?: BulkheadOptions;
  /** Attempts, backoff and budget of retries; which errors are retried is said by the schema. */
  readonly retry?: Omit<RetryOptions, 'clock' | 'random'>;
}

/** The policy towards one target: one breaker, one bulkhead, one retry budget, shared by all its methods. */
export interface Policy {
  readonly clock: Clock;
  readonly random: Random;
  readonly guard: Guard;
  readonly retry: Retry;
  readonly defaultTimeoutMs: number;
}

export function createPolicy(target: string, options: PolicyOptions): Policy {
  const { clock = systemClock, random = systemRandom, log = silentLog } = options;
  const { timeoutMs = 2000, breaker, bulkhead } = options;
  return {
    clock,
    random,
    guard: createGuard({ target, clock, random, log, breaker, bulkhead }),
    retry: createRetry({ ...options.retry, clock, random }),
    defaultTimeoutMs: timeoutMs,
  };
}
