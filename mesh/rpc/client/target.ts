import type { EndpointState } from '../../balance/balancer.ts';
import { type PolicyRow, policyRows } from '../../config/effective.ts';
import type { PolicySource, TargetPolicy } from '../../config/policy.ts';
import type { MethodInfo } from '../../kernel/call.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { GuardState } from '../../resilience/guard.ts';
import { createPolicy, mergeLevels, type Policy, type PolicyPorts } from './policy.ts';
import { createRoutes, type Routes, type RoutesOptions } from './routes.ts';

/** One service that this process calls, as all its clients share it: a breaker for each would learn late, and a budget for each would be no bound. */
export interface Target extends Closeable {
  readonly name: string;
  readonly policy: Policy;
  readonly routes: Routes;
  /** The live policy that stands; undefined if none does. */
  readonly live: TargetPolicy | undefined;
  /** A client of the target: what it says of the policy, and its methods. */
  join(level: TargetPolicy, methods: readonly MethodInfo[]): void;
  /** Calls `listener` after each change of the live policy. */
  onPolicy(listener: () => void): () => void;
  describe(): TargetState;
}

/** A target as this process sees it now, for people. */
export interface TargetState {
  /** The name, as "inventory". */
  readonly target: string;
  /** Its breaker, and the calls in flight. */
  readonly guard: GuardState;
  /** Retries and hedges that the budget allows now. */
  readonly budgetLeft: number;
  /** Whether discovery cannot be reached and its last answer is in use. */
  readonly stale: boolean;
  /** What the balancer knows of each instance. */
  readonly endpoints: readonly (EndpointState & {
    /** As traffic splitting calls it; the target itself without one. */
    readonly destination: string;
  })[];
  /** Each value of the policy that stands, and who said it. */
  readonly policy: readonly PolicyRow[];
}

export interface TargetOptions
  extends Omit<RoutesOptions, 'target' | 'clock' | 'random' | 'flags'>,
    PolicyPorts {
  readonly policySource?: PolicySource | undefined;
}

export function createTarget(name: string, options: TargetOptions): Target {
  let said: TargetPolicy = {};
  let live: TargetPolicy | undefined;
  const methods = new Map<string, MethodInfo>();
  const listeners = new Set<() => void>();
  const policy = createPolicy(name, options, {});
  const { clock, random } = policy;
  const routes = createRoutes({ ...options, target: name, clock, random, flags: policy.effective });

  function apply(): void {
    policy.apply({ client: said, kv: live });
    routes.setFlags(policy.effective);
    for (const listener of listeners) listener();
  }

  const watch = options.policySource?.watch(name, (news) => {
    live = news;
    apply();
  });

  return {
    name,
    policy,
    routes,
    get live() {
      return live;
    },
    join(level, joining) {
      for (const method of joining) methods.set(method.path, method);
      said = mergeLevels(said, level);
      apply();
    },
    onPolicy(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    describe: () => ({
      target: name,
      guard: policy.guard.describe(),
      budgetLeft: policy.retry.budget.left(),
      ...routes.describe(),
      policy: policyRows([...methods.values()], { client: said, kv: live }),
    }),
    async close() {
      watch?.close();
      await routes.close();
    },
  };
}
