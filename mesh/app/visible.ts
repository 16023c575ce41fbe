import type { AdminOptions } from '../admin/service.ts';
import { servingLanesView } from '../admin/views.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { MeshServer } from '../rpc/server/server.ts';
import { type EventsView, type OutboxCounts, observeEvents } from '../telemetry/event-metrics.ts';
import { startMetricsServer } from '../telemetry/metrics-server.ts';
import { observePeers, observeServingLanes } from '../telemetry/peer-metrics.ts';
import type { MetricsRegistry } from '../telemetry/registry.ts';
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

/** Counts what waits in the outbox, again and again, and shows it as a metric. */
export function watchOutbox(
  registry: MetricsRegistry,
  events: Pick<EventsView, 'consumed'> & {
    outbox(): Promise<OutboxCounts>;
    readonly resent: number;
  },
  ports: Pick<PeriodicOptions, 'clock' | 'log'>,
): Closeable {
  let counts: OutboxCounts | undefined;
  observeEvents(registry, {
    outbox: () => counts,
    resent: () => events.resent,
    consumed: () => events.consumed(),
  });
  return runPeriodically({
    ...ports,
    everyMs: countEveryMs,
    name: 'counting the outbox',
    async task() {
      counts = await events.outbox();
    },
  });
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
