import type {
  ClientStats,
  GetStatsResponse,
  LaneStats,
  ServerStats,
  TargetStats,
  TransportFigures,
} from '../../gen/weft/admin/v1/admin.ts';
import { type Golden, golden, type Part, share, sum } from './golden.ts';
import { type ConsumerRow, consumerRows, type PublisherRow, publisherRows } from './mesh-events.ts';
import { isOwn } from './own-services.ts';

/**
 * The mesh as its processes see it, added up. Counts and buckets are added and percentiles are taken of the
 * sum: an average of percentiles is the percentile of nothing. Calls and attempts are kept apart, as Linkerd
 * keeps route and backend apart: what a caller felt, and what its target did.
 */
export interface MeshStats {
  readonly services: readonly ServiceRow[];
  /** Who calls whom. */
  readonly edges: readonly EdgeRow[];
  /** The methods that are served. */
  readonly methods: readonly MethodRow[];
  /** Services that speak events: what they publish. */
  readonly publishers: readonly PublisherRow[];
  /** And what they hear. */
  readonly consumers: readonly ConsumerRow[];
}

export interface ServiceRow extends Golden {
  readonly service: string;
  readonly instances: number;
  readonly inFlight: number;
  /** Cores in use, all instances together. */
  readonly cpu: number;
  readonly rssBytes: number;
  /** The worst of the instances. */
  readonly loopDelayP99Ms: number;
}

export interface EdgeRow extends Golden {
  readonly caller: string;
  readonly target: string;
  /** The same before retries: every attempt for itself. */
  readonly attempts: Golden;
  /** Share of calls that took more than one attempt; undefined when nothing ended. */
  readonly retriedShare: number | undefined;
  /** Calls that were refused before the first attempt. */
  readonly refused: number;
  /** Since the lanes were opened; undefined without one. */
  readonly callsPerWrite: number | undefined;
  readonly inFlight: number;
  /** The instances of the caller that have a client for the target, and those whose breaker is not closed. */
  readonly callers: number;
  readonly breakersOpen: number;
  /** The instances of the target that at least one caller leaves out. */
  readonly ejected: readonly string[];
  /** Retries and hedges that are left, at the caller that has fewest. */
  readonly retryBudget: number | undefined;
  readonly stale: boolean;
}

export interface MethodRow extends Golden {
  readonly service: string;
  readonly method: string;
  readonly streaming: boolean;
}

export function meshStats(
  answers: readonly GetStatsResponse[],
  options: { readonly own?: boolean } = {},
): MeshStats {
  const wanted = ({ method }: { readonly method: string }): boolean =>
    options.own === true || !isOwn(method);
  const byService = [...Map.groupBy(answers, ({ service }) => service)].sort(byKey);
  return {
    services: byService.map(([service, instances]) => serviceRow(service, instances, wanted)),
    edges: byService.flatMap(([caller, instances]) => edgeRows(caller, instances, wanted)),
    methods: byService.flatMap(([service, instances]) => methodRows(service, instances, wanted)),
    publishers: publisherRows(answers),
    consumers: consumerRows(answers),
  };
}

/** A service that calls nobody has edges to nobody: clients that were made and never used are told from others. */
export function isUsed(edge: EdgeRow): boolean {
  return edge.ended > 0 || edge.inFlight > 0 || edge.breakersOpen > 0 || edge.ejected.length > 0;
}

type Wanted = (each: { readonly method: string }) => boolean;

function serviceRow(
  service: string,
  instances: readonly GetStatsResponse[],
  wanted: Wanted,
): ServiceRow {
  const served = instances.flatMap(({ servers }) => servers).filter(wanted);
  const processes = instances.flatMap((each) => each.process ?? []);
  return {
    service,
    instances: instances.length,
    ...golden(served.flatMap(partsOfServer), boundsOf(instances)),
    inFlight: sum(served, ({ inFlight }) => inFlight),
    cpu: sum(processes, ({ cpu }) => cpu),
    rssBytes: sum(processes, ({ rssBytes }) => Number(rssBytes)),
    loopDelayP99Ms: Math.max(0, ...processes.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
  };
}

function methodRows(
  service: string,
  instances: readonly GetStatsResponse[],
  wanted: Wanted,
): MethodRow[] {
  const served = instances.flatMap(({ servers }) => servers).filter(wanted);
  return [...Map.groupBy(served, ({ method }) => method)].sort(byKey).map(([method, rows]) => ({
    ...{ service, method, streaming: rows[0]?.streaming ?? false },
    // A stream's time is shown where the row is about streams alone.
    ...golden(
      rows.flatMap(partsOfServer).map((part) => ({ ...part, streaming: false })),
      boundsOf(instances),
    ),
  }));
}

function edgeRows(
  caller: string,
  instances: readonly GetStatsResponse[],
  wanted: Wanted,
): EdgeRow[] {
  const called = instances.flatMap(({ clients }) => clients).filter(wanted);
  const known = instances.flatMap(({ targets }) => targets);
  const targets = new Set([...called, ...known].map(({ target }) => target));
  return [...targets].sort().map((target) => {
    const clients = called.filter((each) => each.target === target);
    const views = known.filter((each) => each.target === target);
    const bounds = boundsOf(instances);
    const calls = golden(clients.flatMap(partsOfCalls), bounds);
    const attempts = golden(clients.flatMap(partsOfAttempts), bounds);
    return {
      ...{ caller, target },
      ...calls,
      // A call may take both ways; its attempts tell.
      laneShare: attempts.laneShare,
      attempts,
      retriedShare: share(
        sum(clients, ({ retried }) => retried),
        calls.ended,
      ),
      refused: sum(clients, ({ refused }) => refused),
      inFlight: sum(clients, ({ inFlight }) => inFlight),
      ...stateOf(views),
    };
  });
}

function stateOf(
  views: readonly TargetStats[],
): Pick<
  EdgeRow,
  'callers' | 'breakersOpen' | 'ejected' | 'retryBudget' | 'stale' | 'callsPerWrite'
> {
  const endpoints = views.flatMap((view) => view.endpoints);
  const lanes = endpoints.flatMap(({ lane }): LaneStats[] => (lane === undefined ? [] : [lane]));
  const ejected = endpoints.filter(({ health }) => health === 'ejected');
  const budgets = views.map(({ retryBudget }) => retryBudget);
  return {
    callers: views.length,
    breakersOpen: views.filter(({ breaker }) => breaker !== 'closed').length,
    ejected: [...new Set(ejected.map(({ instanceId }) => instanceId))].sort(),
    retryBudget: budgets.length === 0 ? undefined : Math.min(...budgets),
    stale: views.some(({ stale }) => stale),
    callsPerWrite: share(
      sum(lanes, ({ calls }) => Number(calls)),
      sum(lanes, ({ writes }) => Number(writes)),
    ),
  };
}

const partsOfCalls = ({ calls, streaming }: ClientStats): Part[] => [
  { figures: calls, streaming, lane: false },
];
const partsOfAttempts = ({ attempts, streaming }: ClientStats): Part[] =>
  byTransport(attempts, streaming);
const partsOfServer = ({ calls, streaming }: ServerStats): Part[] => byTransport(calls, streaming);

function byTransport(shares: readonly TransportFigures[], streaming: boolean): Part[] {
  return shares.map(({ transport, figures }) => ({
    ...{ figures, streaming },
    lane: transport === 'lane',
  }));
}

/** Every weft of one version has the same; that of the first is good for all of one service. */
function boundsOf(instances: readonly GetStatsResponse[]): readonly number[] {
  return instances[0]?.latencyBoundsMs ?? [];
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
