import type { Elections, Lead } from '../discovery/elections.ts';
import { createEvents, type Events } from '../events/events.ts';
import { createJetStreamBus } from '../events/jetstream/bus.ts';
import { eventMigrations } from '../events/migrations.ts';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import type { Peers } from '../rpc/client/peers.ts';
import type { SagaDesk } from '../saga/desk.ts';
import type { Image } from '../schema/image.ts';
import type { Projection } from '../sourcing/projection.ts';
import { openStore, type Store } from '../store/store.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { AppOptions, AppTools } from './options.ts';
import { runPeriodically } from './periodic.ts';
import { sagasAndSourcing } from './sagas-and-sourcing.ts';

interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly spans: SpanSink;
  readonly telemetry: Pick<Telemetry, 'events' | 'registry'>;
  readonly image: Image;
  /** Those whom the process calls. */
  readonly peers: Peers;
  readonly elections: Elections;
  /** Receives whatever is opened, in order. */
  readonly opened: Closeable[];
}

interface Parts<DB> {
  /** The tools, and the periodic jobs that were asked for: they start when the app serves. */
  readonly tools: AppTools<DB> & {
    readonly jobs: readonly (() => Closeable)[];
    /** Absent when the service runs no sagas. */
    readonly desk: SagaDesk | undefined;
    readonly projections: () => readonly Projection[];
  };
  /** Absent when the process speaks no events. */
  readonly events: Events<DB> | undefined;
}

/** Opens what a service is made with, from its settings. */
export async function openParts<DB>(options: AppOptions<DB>, ports: Ports): Promise<Parts<DB>> {
  const { settings, name } = options;
  const { clock, random, log, spans, telemetry, image, peers, elections, opened } = ports;
  const store = await openStore<DB>({
    url: settings.store,
    durability: settings.durability,
    migrations: [...eventMigrations, ...(options.migrations ?? [])],
    clock,
    log,
  });
  opened.push(store);
  const events = openEvents(options, store, ports);
  const jobs: (() => Closeable)[] = [];
  const late = sagasAndSourcing({ store, events, image, jobs, clock, random, log, spans });
  const tools = {
    store,
    jobs,
    spans,
    metrics: telemetry.registry,
    log,
    clock,
    random,
    get events() {
      if (events !== undefined) return events;
      throw new MeshError(`${name} has no event bus: set MESH_NATS, as "127.0.0.1:4222"`, {
        status: 'FAILED_PRECONDITION',
        reason: 'NO_EVENT_BUS',
      });
    },
    client: peers.client.bind(peers),
    sagas: late.sagas,
    sourcing: late.sourcing,
    projections: late.projections,
    get desk() {
      return late.desk();
    },
    lead(election: string, lead: Lead) {
      jobs.push(() => elections.stand(election, lead));
    },
    every(everyMs: number, job: string, task: (signal: AbortSignal) => Promise<void>) {
      jobs.push(() => runPeriodically({ everyMs, name: job, task, clock, log }));
    },
  };
  return { tools, events };
}

/** The events of the service; undefined for one that has no bus. */
function openEvents<DB>(
  { settings, name }: AppOptions<DB>,
  store: Store<DB>,
  { clock, random, log, spans, telemetry, image, opened }: Ports,
): Events<DB> | undefined {
  if (settings.nats.length === 0) return undefined;
  const { nats: servers, natsReplicas: replicas } = settings;
  const bus = createJetStreamBus({ servers, replicas, clock, random, log });
  opened.push(bus);
  return createEvents<DB>({
    ...{ store, bus, image, source: name, relay: { kind: settings.relay } },
    ...{ clock, random, log, spans, metrics: telemetry.events },
  });
}
