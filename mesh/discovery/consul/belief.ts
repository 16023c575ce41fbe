import type { Endpoint } from '../../kernel/endpoint.ts';

/**
 * What is believed of one service. A registry that comes back may have lost its memory: the instances live,
 * and make themselves known again within seconds, one after the other. So its answers are settled before
 * they are believed: what it does not name any more is kept for a while, marked stale. An instance that
 * leaves while the registry was there all the time is believed gone at once.
 */
export type Belief =
  /** Nothing was heard yet. */
  | { readonly state: 'unknown' }
  /** What the registry says. */
  | { readonly state: 'live'; readonly endpoints: Endpoints }
  /** The registry is away: what it said last. */
  | { readonly state: 'lost'; readonly endpoints: Endpoints }
  /** It is back and does not name all that it did `before`. */
  | {
      readonly state: 'settling';
      readonly before: Endpoints;
      readonly said: Endpoints;
      /** Monotonic ms at which `said` is believed. */
      readonly until: number;
    };

/** Sorted by instanceId. */
export type Endpoints = readonly Endpoint[];

/** Time that instances get to make themselves known again: several rounds of lease.ts, and one to spare. */
const settleMs = 10_000;

/** The registry answered; `anew` if it may have lost its memory since it last did. */
export function hear(belief: Belief, said: Endpoints, at: { now: number; anew: boolean }): Belief {
  if (belief.state === 'unknown' || (belief.state === 'live' && !at.anew)) {
    return { state: 'live', endpoints: said };
  }
  const settling = belief.state === 'settling' && !at.anew;
  const before = settling ? belief.before : (endpointsOf(belief) ?? []);
  const until = settling ? belief.until : at.now + settleMs;
  if (at.now >= until || missing(before, said).length === 0) {
    return { state: 'live', endpoints: said };
  }
  return { state: 'settling', before, said, until };
}

/** The registry cannot be reached. */
export function lose(belief: Belief): Belief {
  const endpoints = endpointsOf(belief);
  return endpoints === undefined ? belief : { state: 'lost', endpoints };
}

/** The endpoints to use; undefined as long as nothing was heard. */
export function endpointsOf(belief: Belief): Endpoints | undefined {
  if (belief.state === 'unknown') return undefined;
  if (belief.state !== 'settling') return belief.endpoints;
  return [...belief.said, ...missing(belief.before, belief.said)].sort((a, b) =>
    a.instanceId < b.instanceId ? -1 : 1,
  );
}

function missing(before: Endpoints, said: Endpoints): Endpoints {
  const named = new Set(said.map((endpoint) => endpoint.instanceId));
  return before.filter((endpoint) => !named.has(endpoint.instanceId));
}
