import type { AdminOptions } from '../admin/service.ts';
import { servingLanesView } from '../admin/views.ts';
import type { Events } from '../events/events.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { MeshServer } from '../rpc/server/server.ts';
import type { SagaDesk } from '../saga/desk.ts';
import { type EventsView, type OutboxCounts, observeEvents } from '../telemetry/event-metrics.ts';
import { startMetricsServer } from '../telemetry/metrics-server.ts';
import { observePeers, observeServingLanes } from '../telemetry/peer-metrics.ts';
import { observeProjections, type ProjectionView } from '../telemetry/projection-metrics.ts';
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

/** What the consumers of this process gave up, as the admin service tells of it; nothing without events. */
export function givenUp<DB>(
  events: Events<DB> | undefined,
): Partial<Pick<Events<DB>, 'deadLetters' | 'stoppedKeys'>> {
  if (events === undefined) return {};
  const { deadLetters, stoppedKeys } = events;
  return { deadLetters, stoppedKeys };
}

/** Counts what waits in outbox, consumers and dead letters, again and again; tells metrics and whoever asks. */
export function watchEvents<DB>(
  registry: MetricsRegistry,
  events: Events<DB>,
  ports: Pick<PeriodicOptions, 'clock' | 'log'>,
): { readonly view: EventsView; start(): Closeable } {
  let outbox: OutboxCounts | undefined;
  let letters: ReadonlyMap<string, number> | undefined;
  let parked: ReadonlyMap<string, number> | undefined;
  const view: EventsView = {
    outbox: () => outbox,
    resent: () => events.resent,
    relay: () => events.relay.kind,
    consumers() {
      const states = new Map(events.subscriptions.map(({ consumer, state }) => [consumer, state]));
      const names = new Set([
        ...states.keys(),
        ...(letters?.keys() ?? []),
        ...(parked?.keys() ?? []),
      ]);
      return [...names].sort().map((consumer) => ({
        ...{ consumer, state: states.get(consumer) },
        parked: parked && (parked.get(consumer) ?? 0),
        deadLetters: letters && (letters.get(consumer) ?? 0),
      }));
    },
  };
  observeEvents(registry, view);
  const count = async (): Promise<void> => {
    outbox = await events.outbox();
    letters = await events.deadLetters.waiting();
    parked = await events.parked();
  };
  const every = { everyMs: countEveryMs, name: 'counting events', task: count };
  return { view, start: () => runPeriodically({ ...ports, ...every }) };
}

/** What a service may run beside calls and events; known once it is built. */
export interface Late {
  /** Undefined: no sagas. */
  readonly desk: SagaDesk | undefined;
  readonly projections: () => readonly ProjectionView[];
}

/** Shows projections as a metric, and sagas that have not ended, which it counts again and again. */
export function watchLate(
  registry: MetricsRegistry,
  { desk, projections }: Late,
  ports: Pick<PeriodicOptions, 'clock' | 'log'>,
): readonly Closeable[] {
  if (projections().length > 0) observeProjections(registry, projections);
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
