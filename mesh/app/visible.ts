import type { AdminOptions } from '../admin/service.ts';
import { servingLanesView } from '../admin/views.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { MeshServer } from '../rpc/server/server.ts';
import type { SagaDesk } from '../saga/desk.ts';
import { type EventsView, type OutboxCounts, observeEvents } from '../telemetry/event-metrics.ts';
import { startMetricsServer } from '../telemetry/metrics-server.ts';
import { observePeers, observeServingLanes } from '../telemetry/peer-metrics.ts';
import type { MetricsRegistry } from '../telemetry/registry.ts';
import { observeSagas } from '../telemetry/saga-metrics.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type PeriodicOptions, runPeriodically } from './periodic.ts';
import type { Reach } from './reach.ts';
import type { Settings } from './settings.ts';

/** Where an instance serves /metrics, as "127.0.0.1:9464": a key of its metadata in discovery. */
const metricsKey = 'weft-metrics';

/** Scrapes come every 10 to 60 s; a count goes over the unsent rows only. */
const countEveryMs = 5000;

/** What a process shows of itself: to metrics, which are told here, and to the admin service. */
export function visible(
  telemetry: Telemetry,
  reach: Reach,
  server: MeshServer,
): Pick<AdminOptions, 'telemetry' | 'peers' | 'policy' | 'servingLanes'> {
  const servingLanes = servingLanesView(server);
  observePeers(telemetry.registry, reach.view);
  observeServingLanes(telemetry.registry, servingLanes);
  return { telemetry, peers: reach.view, policy: reach.policies, servingLanes };
}

/** Counts what waits in the outbox and what is parked, again and again, and shows it as a metric. */
export function watchOutbox(
  registry: MetricsRegistry,
  events: Pick<EventsView, 'consumed'> & {
    outbox(): Promise<OutboxCounts>;
    parked(): Promise<ReadonlyMap<string, number>>;
    readonly resent: number;
  },
  ports: Pick<PeriodicOptions, 'clock' | 'log'>,
): Closeable {
  let counts: OutboxCounts | undefined;
  let parked: ReadonlyMap<string, number> = new Map();
  observeEvents(registry, {
    outbox: () => counts,
    parked: () => parked,
    resent: () => events.resent,
    consumed: () => events.consumed(),
  });
  return runPeriodically({
    ...ports,
    everyMs: countEveryMs,
    name: 'counting the outbox',
    async task() {
      counts = await events.outbox();
      parked = await events.parked();
    },
  });
}

/** Counts the sagas that have not ended, again and again, and shows them as a metric; none without sagas. */
export function watchSagas(
  registry: MetricsRegistry,
  desk: SagaDesk | undefined,
  ports: Pick<PeriodicOptions, 'clock' | 'log'>,
): readonly Closeable[] {
  if (desk === undefined) return [];
  let counts: Readonly<Record<string, number>> | undefined;
  observeSagas(registry, { counts: () => counts });
  const task = async (): Promise<void> => {
    counts = await desk.counts();
  };
  return [runPeriodically({ ...ports, everyMs: countEveryMs, name: 'counting the sagas', task })];
}

/** Serves /metrics, unless that is switched off; gives what discovery is to know of it. */
export async function showMetrics(
  { host, metricsPort }: Settings,
  { registry }: Telemetry,
  opened: Closeable[],
): Promise<Record<string, string>> {
  if (metricsPort === undefined) return {};
  const metrics = await startMetricsServer({ registry, host, port: metricsPort });
  opened.push(metrics);
  return { [metricsKey]: `${metrics.host}:${String(metrics.port)}` };
}
