import type {
  EndpointStats,
  Figures as FiguresMessage,
  GetStatsResponse,
  LaneStats,
  ProcessStats,
  TargetStats,
  TransportFigures as TransportFiguresMessage,
} from '../../gen/weft/admin/v1/admin.ts';
import type { EventsView } from '../telemetry/event-metrics.ts';
import type { Figures } from '../telemetry/figures.ts';
import { latencyBoundsMs } from '../telemetry/histogram.ts';
import type { EndpointView, LaneView, PeersView } from '../telemetry/peers.ts';
import type { ProcessFigures } from '../telemetry/process-metrics.ts';
import type { Telemetry, TransportFigures } from '../telemetry/telemetry.ts';
import { eventStats } from './event-stats.ts';

/** Where the answer of GetStats comes from; what is absent is not known to this process. */
export interface StatsSources {
  readonly telemetry?: Pick<Telemetry, 'lastMinute'> | undefined;
  readonly peers?: PeersView | undefined;
  /** The lanes on which this process serves. */
  readonly servingLanes?: (() => LaneView) | undefined;
  /** What waits in outbox and consumers. Default: this process speaks no events. */
  readonly events?: EventsView | undefined;
}

export function statsOf({
  telemetry,
  peers,
  servingLanes,
  events,
}: StatsSources): Omit<GetStatsResponse, 'service' | 'instanceId'> {
  const minute = telemetry?.lastMinute();
  return {
    windowSeconds: minute?.seconds ?? 0,
    latencyBoundsMs: [...latencyBoundsMs],
    clients: (minute?.clients ?? []).map((each) => ({
      ...each,
      calls: toFigures(each.calls),
      attempts: each.attempts.map(toTransportFigures),
    })),
    servers: (minute?.servers ?? []).map((each) => ({
      ...each,
      calls: each.calls.map(toTransportFigures),
    })),
    targets: targetsOf(peers),
    servingLanes: servingLanes && toLane(servingLanes()),
    process: minute && toProcess(minute.process),
    events: events && eventStats(events, minute),
  };
}

function targetsOf(peers: PeersView | undefined): TargetStats[] {
  return (peers?.targets() ?? []).map(({ target, breaker, endpoints, ...rest }) => {
    const { inFlight, retryBudget, stale } = rest;
    return {
      ...{ target, breaker, inFlight, retryBudget, stale },
      endpoints: endpoints.map(toEndpoint),
    };
  });
}

function toFigures({ latencyBuckets, byStatus, ...rest }: Figures): FiguresMessage {
  return { ...rest, latencyBuckets: [...latencyBuckets], byStatus: { ...byStatus } };
}

function toTransportFigures({ transport, figures }: TransportFigures): TransportFiguresMessage {
  return { transport, figures: toFigures(figures) };
}

function toEndpoint(endpoint: EndpointView): EndpointStats {
  const { instanceId, address, health, inFlight, streams, latencyMs, ejectedForMs } = endpoint;
  const { successRate, weight, lane } = endpoint;
  return {
    ...{ instanceId, address, health, inFlight, streams, latencyMs, ejectedForMs },
    ...{ successRate, weight },
    lane: lane && toLane(lane),
  };
}

function toLane({ open, calls, writes, plainCalls }: LaneView): LaneStats {
  const plain = Object.entries(plainCalls).map(([reason, many]) => [reason, BigInt(many)] as const);
  return {
    open,
    calls: BigInt(calls),
    writes: BigInt(writes),
    plainCalls: Object.fromEntries(plain),
  };
}

function toProcess({ cpu, rssBytes, heapUsedBytes, loopDelayP99Ms }: ProcessFigures): ProcessStats {
  return {
    ...{ cpu, loopDelayP99Ms },
    rssBytes: BigInt(rssBytes),
    heapUsedBytes: BigInt(heapUsedBytes),
  };
}
