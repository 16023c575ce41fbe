import type { Lead } from '../discovery/elections.ts';
import type { Events } from '../events/events.ts';
import type { ConsumerOptions, HandlerOptions } from '../events/subscribe.ts';
import type { Identity } from '../identity/identity.ts';
import type { Intentions } from '../identity/intentions.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import type { Client, StubOptions } from '../rpc/client/client.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import type { MeshServer } from '../rpc/server/server.ts';
import type { Saga } from '../saga/definition.ts';
import type { Sagas, SagaTuning } from '../saga/sagas.ts';
import type { ServiceDefinition } from '../schema/definition.ts';
import type { Image } from '../schema/image.ts';
import type { Upcast } from '../sourcing/event.ts';
import type { Sourcing } from '../sourcing/sourcing.ts';
import type { Migration, Store } from '../store/store.ts';
import type { MetricsRegistry } from '../telemetry/registry.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import type { Settings } from './settings.ts';

/** What a service is made with. */
export interface AppTools<DB> {
  /** The service's database, its migrations applied. */
  readonly store: Store<DB>;
  /** Throws FAILED_PRECONDITION when it is used and MESH_NATS is empty. */
  readonly events: Events<DB>;
  /** A stub that finds its peers through Consul and carries every policy; closed with the app. */
  client<D extends ServiceDefinition>(definition: D, options?: StubOptions<NoInfer<D>>): Client<D>;
  /**
   * Runs these sagas while the app serves; called at most once, with `sagaMigrations` among the service's own.
   * What it gives can start sagas from then on.
   */
  sagas(sagas: readonly Saga<DB>[], tuning?: SagaTuning): Sagas<DB>;
  /**
   * The event-sourced aggregates of the service, with `sourcingMigrations` among its own. Its projections run
   * until the app is closed. `upcasts`: how types that are not written any more are read.
   */
  sourcing(upcasts?: readonly Upcast[]): Sourcing<DB>;
  /** Runs `task` again and again while the app serves, `everyMs` after the last run ended. */
  every(everyMs: number, name: string, task: (signal: AbortSignal) => Promise<void>): void;
  /**
   * Stands for the lead of `name` while the app serves: of all instances that stand, one does `lead` at a time. See
   * discovery/elections.ts for what a lead is worth.
   */
  lead(name: string, lead: Lead): void;
  /** What `weft trace` reads: for those who begin work of their own, as an edge does. */
  readonly spans: SpanSink;
  /** What /metrics shows: metrics of the service's own are added here. */
  readonly metrics: Pick<MetricsRegistry, 'observe'>;
  /** Writes a line of JSON for each event, with service and instance. */
  readonly log: Log;
  /** The machine's time; tests give another. */
  readonly clock: Clock;
  /** The machine's chance; tests give another. */
  readonly random: Random;
}

/** A service of the schema with its implementation, ready to be served. */
export type ServiceBinding = (server: MeshServer) => void;

/** Pairs a generated definition with its implementation; both are checked against each other. */
export function implement<D extends ServiceDefinition>(
  definition: D,
  implementation: Implementation<D>,
): ServiceBinding {
  return (server) => {
    server.add(definition, implementation);
  };
}

/** What a service consists of. */
export interface ServiceParts<DB> {
  /** What it serves over gRPC, each made by `implement`; none for a service that only hears. */
  readonly services: readonly ServiceBinding[];
  /** The durable consumer of the service; it is named after the service. */
  readonly consumer?: Omit<ConsumerOptions, 'consumer'> & HandlerOptions<DB>;
  /** Ways in beside gRPC: opened before others can find the instance, closed when it has left discovery. */
  readonly doors?: readonly Door[];
}

/** A way into a process beside gRPC, as the edge is. */
export interface Door extends Closeable {
  /** Opens it; gives what discovery is to know of it, as { 'weft-edge': 'https://127.0.0.1:7443' }. */
  start(): Promise<Readonly<Record<string, string>>>;
}

/** Who a process is, and who may call it. */
export interface Security {
  readonly identity: Identity;
  /** Undefined: whoever has a certificate of the same trust domain. */
  readonly intentions?: Intentions | undefined;
}

/** How a service is started, by `runApp` or `startApp`; `DB` are its tables as Kysely sees them. */
export interface AppOptions<DB> {
  /** The name under which the service is found: a DNS label, as "orders". */
  readonly name: string;
  /** What the process is told from outside, as `readSettings(process.env)` gives it. */
  readonly settings: Settings;
  /** The service's own tables; those of outbox and inbox are added. */
  readonly migrations?: readonly Migration[];
  /** The compiled schema of the service. Default: the image that weft was built with. */
  readonly image?: Image;
  /**
   * Who the process is and who may call it, in place of what IDENTITY says: as from files, with
   * `openFileIdentity`. Its owner closes it.
   */
  readonly identity?: Security | undefined;
  /** What the instance tells of itself in discovery, as { version: '1.4.0' }. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Makes the service; nothing is served before it returned. */
  build(tools: AppTools<DB>): ServiceParts<DB> | Promise<ServiceParts<DB>>;
}

/** A running service. */
export interface App extends Closeable {
  /** What discovery knows of it. */
  readonly endpoint: Endpoint;
}
