/** Services of a story as processes of their own, with a Consul and a nats-server of the experiment's own between them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Client,
  type Closeable,
  closeClient,
  createClient,
  createConsul,
  createConsulDiscovery,
  createSpanRing,
  type ServiceDefinition,
} from '#mesh';
import { startConsul } from '../../mesh/testing/consul.ts';
import { startNats } from '../../mesh/testing/nats.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';

export interface Troupe extends Closeable {
  /** Where the broker listens. */
  readonly nats: string;
  readonly resolver: ReturnType<typeof createConsulDiscovery>['resolver'];
  /** What the clients of this troupe have seen. */
  readonly spans: ReturnType<typeof createSpanRing>;
  /** A client of one of the services; closed with the troupe. */
  client<D extends ServiceDefinition>(definition: D): Client<D>;
  /** Starts it; it keeps its database from one life to the next. Ask until it answers. */
  start(service: string, env?: Readonly<Record<string, string>>): void;
  /** SIGTERM, and an orderly end; resolves when it is gone. */
  stop(service: string): Promise<void>;
  /** kill -9; resolves when it is gone. */
  kill(service: string): Promise<void>;
}

/** Nothing runs yet but Consul and the broker. */
export async function openTroupe(story: string): Promise<Troupe> {
  const folder = await mkdtemp(join(tmpdir(), `weft-${story}-`));
  const [consul, nats] = await Promise.all([startConsul(), startNats()]);
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  const { resolver } = discovery;
  const spans = createSpanRing();
  const clients: object[] = [];
  const running = new Map<string, ServiceProcess>();
  return {
    ...{ nats: nats.url, resolver, spans },
    client(definition) {
      const client = createClient(definition, { resolver, spans });
      clients.push(client);
      return client;
    },
    start(service, env = {}) {
      const program = join(import.meta.dirname, '../../services', story, service, 'main.ts');
      const store = `sqlite:${join(folder, `${service}.db`)}`;
      const mesh = { MESH_CONSUL: consul.address, MESH_NATS: nats.url, STORE: store };
      running.set(service, startServiceProcess(program, { ...mesh, ...env }));
    },
    async stop(service) {
      await running.get(service)?.close();
    },
    async kill(service) {
      const process = running.get(service);
      process?.child.kill('SIGKILL');
      await process?.close();
    },
    async close() {
      await Promise.all([...running.values()].map((process) => process.close()));
      await Promise.all(clients.map(closeClient));
      await discovery.close();
      await Promise.all([consul.close(), nats.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
