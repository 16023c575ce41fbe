import { describeFaults, type PolicyFault } from '../config/policy-schema.ts';
import type { Peers } from '../rpc/client/peers.ts';
import type { LaneServiceStats } from '../rpc/lane/server.ts';
import type { EndpointLaneStats } from '../rpc/lane/transport.ts';
import { mergedLane } from '../telemetry/peer-metrics.ts';
import type { LaneView, PeersView } from '../telemetry/peers.ts';
import type { PolicyView } from './ports.ts';

/** Where the views of a process come from. */
export interface ViewSources {
  /** Those whom the process calls. */
  readonly peers: Pick<Peers, 'describe'>;
  /** How their calls travel. Default: plainly. */
  readonly lanes?: { stats(): readonly EndpointLaneStats[] } | undefined;
  /** Live policies: what is refused of them. Default: there are none. */
  readonly policies?: LivePolicyFaults | undefined;
}

/** What is refused of the live policy of a target. */
interface LivePolicyFaults {
  describe(
    target: string,
  ): { readonly refused?: { readonly faults: readonly PolicyFault[] } } | undefined;
}

/** What a process knows of those it calls, for metrics and admin. */
export function peersView({ peers, lanes }: ViewSources): PeersView {
  return {
    targets() {
      const laned = Map.groupBy(lanes?.stats() ?? [], keyOf);
      return peers.describe().map(({ target, guard, budgetLeft, stale, endpoints }) => ({
        ...{ target, breaker: guard.breaker, inFlight: guard.inFlight, stale },
        retryBudget: budgetLeft,
        endpoints: endpoints.map((endpoint) => {
          const stats = laned.get(keyOf(endpoint));
          return { ...endpoint, lane: stats && mergedLane(stats.map(laneView)) };
        }),
      }));
    },
  };
}

/** The policy that a process applies to those it calls. */
export function policyView({ peers, policies }: ViewSources): PolicyView {
  return {
    policies: () =>
      peers.describe().map(({ target, policy }) => {
        const { refused } = policies?.describe(target) ?? {};
        return { target, rows: policy, faults: refused && [describeFaults(refused.faults)] };
      }),
  };
}

/** The lanes on which a server serves; all zero when it serves none. */
export function servingLanesView(server: {
  laneStats(): LaneServiceStats | undefined;
}): () => LaneView {
  return () => {
    const { lanes = 0, replies = 0, writes = 0 } = server.laneStats() ?? {};
    return { open: lanes, calls: replies, writes, plainCalls: {} };
  };
}

/** An instance may be replaced under its name, and two destinations may share one. */
function keyOf({ instanceId, address }: { instanceId: string; address: string }): string {
  return `${instanceId} ${address}`;
}

function laneView({ lanes, laneCalls, writes, plainCalls }: EndpointLaneStats): LaneView {
  const used = Object.entries(plainCalls).filter(([, calls]) => calls > 0);
  return { open: lanes, calls: laneCalls, writes, plainCalls: Object.fromEntries(used) };
}
