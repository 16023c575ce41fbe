import type { MetricSpec, Sample } from './metric.ts';
import type { LaneView, PeersView, TargetView } from './peers.ts';
import type { MetricsRegistry } from './registry.ts';

/** What weft knows and gRPC has no name for: breakers, budgets, endpoints, lanes. */
const gauge = { kind: 'gauge', labels: ['grpc.target'] } as const;
const lane = { labels: ['grpc.target', 'weft.side'] } as const;

const specs = {
  breaker: {
    ...{ name: 'weft.client.breaker.state', kind: 'gauge', unit: '{state}' },
    ...{ labels: ['grpc.target', 'weft.state'] },
    help: '1 for the state in which the breaker is (closed, open, half-open), 0 for the others.',
  },
  inFlight: {
    ...{ name: 'weft.client.bulkhead.in_flight', unit: '{call}', ...gauge },
    help: 'Calls under way that the bulkhead counts.',
  },
  budget: {
    ...{ name: 'weft.client.retry.budget', unit: '{retry}', ...gauge },
    help: 'Retries and hedges that the budget allows now.',
  },
  endpoints: {
    ...{ name: 'weft.client.endpoints', kind: 'gauge', unit: '{endpoint}' },
    ...{ labels: ['grpc.target', 'weft.health'] },
    help: 'Instances that discovery knows, by what the balancer thinks of them.',
  },
  stale: {
    ...{ name: 'weft.client.discovery.stale', unit: '{state}', ...gauge },
    help: '1 while discovery cannot be reached and its last answer is in use.',
  },
  laneOpen: {
    ...{ name: 'weft.lane.open', kind: 'gauge', unit: '{lane}', ...lane },
    help: 'Lanes that are open, on the side "client" or "server".',
  },
  laneCalls: {
    ...{ name: 'weft.lane.calls', kind: 'counter', unit: '{call}', ...lane },
    help: 'Calls that travelled on lanes.',
  },
  laneWrites: {
    ...{ name: 'weft.lane.writes', kind: 'counter', unit: '{write}', ...lane },
    help: 'Writes that those calls took; calls / writes is what batching wins.',
  },
  lanePlain: {
    ...{ name: 'weft.lane.plain_calls', kind: 'counter', unit: '{call}' },
    ...{ labels: ['grpc.target', 'weft.reason'] },
    help: 'Calls that went plainly, by reason.',
  },
} as const satisfies Record<string, MetricSpec>;

const states = ['closed', 'open', 'half-open'] as const;

/** Lets a registry read what the client side knows of its targets. */
export function observePeers(registry: MetricsRegistry, peers: PeersView): void {
  const each = (read: (target: TargetView) => Sample[]) => (): Sample[] =>
    peers.targets().flatMap(read);
  registry.observe(
    specs.breaker,
    each(({ target, breaker }) =>
      states.map((state) => ({ labels: [target, state], value: state === breaker ? 1 : 0 })),
    ),
  );
  registry.observe(
    specs.inFlight,
    each(({ target, inFlight }) => [{ labels: [target], value: inFlight }]),
  );
  registry.observe(
    specs.budget,
    each(({ target, retryBudget }) => [{ labels: [target], value: retryBudget }]),
  );
  registry.observe(specs.endpoints, each(byHealth));
  registry.observe(
    specs.stale,
    each(({ target, stale }) => [{ labels: [target], value: stale ? 1 : 0 }]),
  );
  observeLanes(registry, 'client', () =>
    peers.targets().map(({ target, endpoints }) => {
      return [target, endpoints.flatMap((endpoint) => endpoint.lane ?? [])] as const;
    }),
  );
}

/** Lets a registry read the lanes on which this process serves; they have no target. */
export function observeServingLanes(registry: MetricsRegistry, lanes: () => LaneView): void {
  observeLanes(registry, 'server', () => [['', [lanes()]]]);
}

function byHealth({ target, endpoints }: TargetView): Sample[] {
  // "ejected" is there also when none is: an alert on a series that is absent never fires.
  const counts = new Map([['ejected', 0]]);
  for (const { health } of endpoints) counts.set(health, (counts.get(health) ?? 0) + 1);
  return Array.from(counts, ([health, value]) => ({ labels: [target, health], value }));
}

type LanesByTarget = Iterable<readonly [string, readonly LaneView[]]>;

function observeLanes(
  registry: MetricsRegistry,
  side: 'client' | 'server',
  read: () => LanesByTarget,
): void {
  const sum = (of: (lane: LaneView) => number) => (): Sample[] =>
    Array.from(read(), ([target, lanes]) => ({ labels: [target, side], value: total(lanes, of) }));
  registry.observe(
    specs.laneOpen,
    sum(({ open }) => open),
  );
  registry.observe(
    specs.laneCalls,
    sum(({ calls }) => calls),
  );
  registry.observe(
    specs.laneWrites,
    sum(({ writes }) => writes),
  );
  if (side === 'server') return;
  registry.observe(specs.lanePlain, () =>
    Array.from(read()).flatMap(([target, lanes]) =>
      Object.entries(mergedLane(lanes).plainCalls).map(([reason, value]) => {
        return { labels: [target, reason], value };
      }),
    ),
  );
}

function total(lanes: readonly LaneView[], of: (lane: LaneView) => number): number {
  return lanes.reduce((sum, each) => sum + of(each), 0);
}

/** Several lanes taken together. */
export function mergedLane(lanes: readonly LaneView[]): LaneView {
  const plainCalls: Record<string, number> = {};
  for (const each of lanes) {
    for (const [reason, calls] of Object.entries(each.plainCalls)) {
      plainCalls[reason] = (plainCalls[reason] ?? 0) + calls;
    }
  }
  return {
    open: total(lanes, ({ open }) => open),
    calls: total(lanes, ({ calls }) => calls),
    writes: total(lanes, ({ writes }) => writes),
    plainCalls,
  };
}
