import { openDoors } from '../app/doors.ts';
import type { AppOptions, AppTools, ServiceParts } from '../app/options.ts';
import { runPeriodically } from '../app/periodic.ts';
import { sagasAndSourcing } from '../app/sagas-and-sourcing.ts';
import { createMemoryDiscovery } from '../discovery/memory.ts';
import { createMemoryElections } from '../discovery/memory-elections.ts';
import type { Resolver } from '../discovery/resolver.ts';
import { createMemoryBus } from '../events/bus/memory.ts';
import { createEvents, type Events } from '../events/events.ts';
import { eventMigrations } from '../events/migrations.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { type Client, closeClient, createClient, type StubOptions } from '../rpc/client/client.ts';
import { laneKey } from '../rpc/lane/protocol.ts';
import { createLaneTransport } from '../rpc/lane/transport.ts';
import { createPlainTransport } from '../rpc/plain/transport.ts';
import { createServer } from '../rpc/server/server.ts';
import type { ServiceDefinition } from '../schema/definition.ts';
import { type Image, weftImage } from '../schema/image.ts';
import { openStore, type Store } from '../store/store.ts';
import { createRegistry } from '../telemetry/registry.ts';
import { noSpans } from '../telemetry/spans.ts';

/** A service as its main.ts describes it, without the settings of a process. */
export interface InProcessApp<DB> extends Pick<AppOptions<DB>, 'name' | 'migrations' | 'build'> {
  /** Instances that are to share a database name the same file. Default: one in memory for each instance. */
  readonly store?: string;
}

/** A running instance; `close` takes it out of discovery, lets its calls end, and ends it. */
export interface InProcessInstance<DB> extends Closeable {
  /** As discovery knows it; `client(definition, endpoint)` calls this one and no other. */
  readonly endpoint: Endpoint;
  /** Its database, to be looked into. */
  readonly store: Store<DB>;
}

/**
 * Whole services in the process of the test: real sockets, real stores, the stack as it is, with memory in
 * place of Consul and NATS.
 */
export interface InProcessMesh extends Closeable {
  /**
   * Starts an instance; resolves when others find it. Closed with the mesh, or before. Throws what its build or
   * its migrations throw.
   */
  start<DB>(app: InProcessApp<DB>): Promise<InProcessInstance<DB>>;
  /** A stub that finds its target as services do, or that knows one instance and no other. Closed with the mesh. */
  client<D extends ServiceDefinition>(definition: D, to?: Endpoint): Client<D>;
}

/** What the services of a mesh in one process share. */
export interface InProcessOptions {
  /** The compiled contracts of the services, as `readImage` gives them. Default: those that weft was built with. */
  readonly image?: Image;
  /** Default: silent. */
  readonly log?: Log;
  /** False: no instance serves lanes, and every call goes plainly. Default true. */
  readonly lane?: boolean;
}

/** Opens an empty mesh. Nothing outlives `close`: no socket, no timer, no database. */
export function createInProcessMesh(options: InProcessOptions = {}): InProcessMesh {
  const { image = weftImage(), log = silentLog, lane = true } = options;
  const ports = { clock: systemClock, random: systemRandom, log };
  const discovery = createMemoryDiscovery();
  const elections = createMemoryElections(ports);
  const bus = createMemoryBus(ports);
  const opened: Closeable[] = [bus];
  let instances = 0;

  function client<D extends ServiceDefinition>(
    definition: D,
    closing: Closeable[],
    { resolver = discovery.resolver, stub: said }: ClientExtras<D> = {},
  ): Client<D> {
    const transport = createLaneTransport({ plain: createPlainTransport(ports), ...ports });
    const stub = createClient(definition, { resolver, transport, ...ports, ...said });
    closing.push({ close: () => closeClient(stub) });
    return stub;
  }

  async function start<DB>(app: InProcessApp<DB>): Promise<InProcessInstance<DB>> {
    const { name, migrations = [], store: url = 'sqlite::memory:' } = app;
    const mine: Closeable[] = [];
    const store = await openStore<DB>({
      url,
      migrations: [...eventMigrations, ...migrations],
      ...ports,
    });
    const events = createEvents<DB>({ image, store, bus, source: name, ...ports });
    mine.push(store, events);
    const jobs: (() => Closeable)[] = [];
    const tools: AppTools<DB> = {
      ...{ store, events, spans: noSpans, metrics: createRegistry(), ...ports },
      ...sagasAndSourcing({ store, events, image, jobs, spans: noSpans, ...ports }),
      client: (definition, stub) => client(definition, mine, stub ? { stub } : {}),
      lead(election, lead) {
        jobs.push(() => elections.stand(election, lead));
      },
      every(everyMs, job, task) {
        jobs.push(() => runPeriodically({ everyMs, name: job, task, ...ports }));
      },
    };
    const parts = await app.build(tools);
    const server = createServer({ image, lane, ...ports });
    mine.push(server);
    for (const bind of parts.services) bind(server);
    const address = await server.listen();
    await consume(name, parts, events);
    mine.push(...jobs.map((job) => job()));
    const doors = await openDoors(parts, mine);
    const endpoint = {
      ...{ service: name, ...address },
      metadata: { ...doors, ...(lane && { [laneKey]: '1' }) },
      instanceId: `${name}-${String(++instances)}`,
    };
    mine.push(await discovery.registry.register(endpoint));
    const instance = { endpoint, store, close: once(() => closeAll(mine)) };
    opened.push(instance);
    return instance;
  }

  return {
    start,
    client: (definition, to) => client(definition, opened, to ? { resolver: only(to) } : {}),
    close: once(() => closeAll(opened)),
  };
}

interface ClientExtras<D extends ServiceDefinition> {
  readonly resolver?: Resolver;
  /** What the service itself said of its stub. */
  readonly stub?: StubOptions<D>;
}

/** Knows one instance, and that forever. */
function only(endpoint: Endpoint): Resolver {
  return {
    watch(service, listener) {
      listener({ service, endpoints: [endpoint], stale: false });
      return { close: () => undefined };
    },
  };
}

async function consume<DB>(
  consumer: string,
  parts: ServiceParts<DB>,
  events: Events<DB>,
): Promise<void> {
  events.start();
  if (parts.consumer !== undefined) await events.subscribe({ consumer, ...parts.consumer });
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
