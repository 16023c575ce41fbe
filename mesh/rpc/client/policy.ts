import type { EffectiveTargetPolicy } from '../../config/defaults.ts';
import { effectiveTarget, type PolicyLevels } from '../../config/effective.ts';
import type { MethodPolicy, TargetPolicy } from '../../config/policy.ts';
import type { MethodInfo } from '../../kernel/call.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import type { BreakerOptions } from '../../resilience/breaker.ts';
import type { RetryBudgetOptions } from '../../resilience/budget.ts';
import { type BulkheadOptions, createGuard, type Guard } from '../../resilience/guard.ts';
import { createHedge, type Hedge } from '../../resilience/hedge.ts';
import { createRetry, type Retry } from '../../resilience/retry.ts';
import { createRefusals, type Refusals } from './refusals.ts';

/** What the code that calls a target may say of the policy towards it; live policy outweighs it. */
export interface PolicyOptions {
  /** Longest time of a unary call whose schema names none, in ms. Default 2000 (go-zero). */
  readonly timeoutMs?: number;
  /** By method name, as "PlaceOrder"; outweighs the schema. */
  readonly methods?: Readonly<Record<string, MethodPolicy>>;
  readonly breaker?: BreakerOptions;
  readonly bulkhead?: BulkheadOptions;
  /** Attempts, backoff and budget of retries; which errors are retried is said by the schema. */
  readonly retry?: {
    /** Most attempts of a call, the first counted, where the schema names none. Default 3. */
    readonly attempts?: number;
    readonly baseMs?: number;
    readonly maxMs?: number;
    readonly budget?: RetryBudgetOptions;
  };
  /** False: calls go plainly, also to peers that know the lane. Default true. */
  readonly lane?: boolean;
  /** False: never over a Unix socket. Default true. */
  readonly unix?: boolean;
}

/** What policy needs from outside. */
export interface PolicyPorts {
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Told when the breaker opens, probes and closes. Default: nobody. */
  readonly log?: Log;
}

/** The policy towards one target: one breaker, one bulkhead, one retry budget, shared by all who call it. */
export interface Policy {
  readonly clock: Clock;
  readonly random: Random;
  readonly guard: Guard;
  readonly retry: Retry;
  readonly hedge: Hedge;
  readonly refusals: Refusals;
  /** What stands for the target as a whole. */
  readonly effective: EffectiveTargetPolicy;
  /** Takes over what the levels say now; calls under way are not touched. */
  apply(levels: PolicyLevels): void;
}

export function createPolicy(target: string, ports: PolicyPorts, levels: PolicyLevels): Policy {
  const { clock = systemClock, random = systemRandom, log = silentLog } = ports;
  let effective = effectiveTarget(levels);
  const retry = createRetry({ ...effective.retry, budget: effective.budget, clock, random });
  const guard = createGuard({ target, clock, random, log, ...effective });
  return {
    clock,
    random,
    guard,
    retry,
    hedge: createHedge({ clock, budget: retry.budget }),
    refusals: createRefusals(),
    get effective() {
      return effective;
    },
    apply(news) {
      effective = effectiveTarget(news);
      guard.configure(effective);
      retry.configure({ ...effective.retry, budget: effective.budget });
    },
  };
}

/**
 * The options as a level of policy for `methods`. A time-out or a number of attempts for all methods is meant
 * for those of which the schema says nothing: it is a default, and the schema knows its method.
 */
export function clientLevel(options: PolicyOptions, methods: readonly MethodInfo[]): TargetPolicy {
  const { timeoutMs, retry, breaker, bulkhead, lane, unix } = options;
  const byMethod = methods.map(({ name, policy }): [string, MethodPolicy] => [
    name,
    {
      ...(timeoutMs !== undefined && policy.timeoutMs === undefined && { timeoutMs }),
      ...(retry?.attempts !== undefined &&
        policy.attempts === undefined && { attempts: retry.attempts }),
      ...options.methods?.[name],
    },
  ]);
  const { baseMs, maxMs, budget } = retry ?? {};
  return {
    methods: Object.fromEntries(byMethod),
    retry: { ...(baseMs !== undefined && { baseMs }), ...(maxMs !== undefined && { maxMs }) },
    ...(budget && { budget }),
    ...(breaker && { breaker }),
    ...(bulkhead && { bulkhead }),
    ...(lane !== undefined && { lane }),
    ...(unix !== undefined && { unix }),
  };
}

/** Two clients of one target in one process: what the later one says stands. */
export function mergeLevels(earlier: TargetPolicy, later: TargetPolicy): TargetPolicy {
  return {
    ...earlier,
    ...later,
    methods: { ...earlier.methods, ...later.methods },
    retry: { ...earlier.retry, ...later.retry },
    budget: { ...earlier.budget, ...later.budget },
    breaker: { ...earlier.breaker, ...later.breaker },
    bulkhead: { ...earlier.bulkhead, ...later.bulkhead },
  };
}
