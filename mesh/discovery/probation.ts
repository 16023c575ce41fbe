import type { Endpoint } from '../kernel/endpoint.ts';

/*
 * Which of the instances whose health check fails stay in use all the same.
 *
 * A check asks from elsewhere, and what it finds may be wrong: a process that gets no CPU for two seconds, an
 * agent that is out of breath, a network between the two. One instance that fails is believed; callers
 * have others. But when many fail at one time it is more likely the check than they (Eureka's
 * self-preservation, below 85 % of renewals), and taking them out moves their calls to the few that are
 * left; and when all fail, an empty set is an outage made by the registry alone. So they stay, as
 * suspects: the caller's own balancer finds out by call which of them are dead, within milliseconds.
 *
 * An instance that was deregistered, by itself or by whoever looks after it, leaves at once.
 */

/** An instance as the registry knows it. */
export interface Checked {
  readonly endpoint: Endpoint;
  readonly passing: boolean;
}

/** The instances to use. */
export interface Judgement {
  /** Those that pass, and the suspects; in the order in which they were said. */
  readonly endpoints: readonly Endpoint[];
  /** Of these, by instanceId, those whose check fails. */
  readonly suspects: ReadonlySet<string>;
  /** When to judge again though nothing was said, in monotonic ms. */
  readonly againAtMs: number | undefined;
}

export interface Probation {
  /** Judges what the registry says now. */
  judge(said: readonly Checked[], nowMs: number): Judgement;
}

/** More than this share failing within `probationMs` is not believed. DESIGN: Eureka's 85 %. */
const disbelievedShare = 0.15;
/** How long those are kept, in ms; Eureka's interval of renewal. */
const probationMs = 30_000;
/** Above this share of failing instances the checks say nothing (Envoy's panic threshold); no end but the registry's. */
const panicShare = 0.5;

export function createProbation(): Probation {
  /** Instances that passed once, and since when they fail. Nobody suspects what never worked. */
  let known = new Map<string, { readonly address: string; readonly failingSinceMs?: number }>();

  return {
    judge(said, nowMs) {
      const before = known;
      known = new Map();
      const failing: { readonly id: string; readonly sinceMs: number }[] = [];
      for (const { endpoint, passing } of said) {
        const { instanceId: id } = endpoint;
        const address = `${endpoint.host} ${endpoint.port}`;
        const last = before.get(id);
        if (passing) {
          known.set(id, { address });
        } else if (last?.address === address) {
          const sinceMs = last.failingSinceMs ?? nowMs;
          known.set(id, { address, failingSinceMs: sinceMs });
          failing.push({ id, sinceMs });
        }
      }
      const { kept, againAtMs } = keptOf(failing, known.size, nowMs);
      const suspects = new Set(kept);
      const used = said.filter(
        ({ endpoint, passing }) => passing || suspects.has(endpoint.instanceId),
      );
      return { endpoints: used.map(({ endpoint }) => endpoint), suspects, againAtMs };
    },
  };
}

/** Which of the failing instances are kept; `total` counts those that pass too. */
function keptOf(
  failing: readonly { readonly id: string; readonly sinceMs: number }[],
  total: number,
  nowMs: number,
): { kept: readonly string[]; againAtMs: number | undefined } {
  const all = failing.map(({ id }) => id);
  if (failing.length === total) return { kept: all, againAtMs: undefined };
  // One instance that fails beside others is what checks are for, however few the others are.
  if (failing.length < 2) return { kept: [], againAtMs: undefined };
  if (failing.length > panicShare * total) return { kept: all, againAtMs: undefined };
  const recent = failing.filter(({ sinceMs }) => nowMs < sinceMs + probationMs);
  if (recent.length < 2 || recent.length <= disbelievedShare * total) {
    return { kept: [], againAtMs: undefined };
  }
  const firstMs = recent.reduce((least, { sinceMs }) => Math.min(least, sinceMs), nowMs);
  return { kept: recent.map(({ id }) => id), againAtMs: firstMs + probationMs };
}
