import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConsul } from '../consul/client.ts';
import { createConsulDiscovery } from '../discovery/consul.ts';
import type { Resolver } from '../discovery/resolver.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import {
  type Client,
  type ClientOptions,
  closeClient,
  createClient,
} from '../rpc/client/client.ts';
import type { ServiceDefinition } from '../schema/definition.ts';
import { type ConsulServer, startConsul } from './consul.ts';
import { freeze } from './freeze.ts';
import { type NatsServer, startNats } from './nats.ts';
import { type ServiceProcess, startServiceProcess } from './service-process.ts';

const services = join(import.meta.dirname, '../../services');

/** The services of a story as `weft up` runs them, with a real Consul and a real nats-server of their own. */
export interface StoryRig extends Closeable {
  readonly consul: ConsulServer;
  readonly nats: NatsServer;
  /** Where the databases are. */
  readonly folder: string;
  readonly resolver: Resolver;
  /** As a caller outside of the story has it; closed with the rig. */
  client<D extends ServiceDefinition>(
    definition: D,
    options?: Partial<ClientOptions<D>>,
  ): Client<D>;
  /**
   * Starts an instance, named as its service unless it is given a name; those of one service share a database.
   * It is not ready when this returns: ask until it answers.
   */
  start(
    service: string,
    options?: { readonly instance?: string; readonly env?: Readonly<Record<string, string>> },
  ): ServiceProcess;
  /** SIGTERM; resolves when it is gone. */
  stop(instance: string): Promise<void>;
  /** kill -9; resolves when it is gone. */
  kill(instance: string): Promise<void>;
  /** SIGSTOP; what is given lets it go on. */
  freeze(instance: string): Promise<() => void>;
}

/** `hcl`: more configuration of Consul. */
export async function openStoryRig(
  story: string,
  { hcl = '' }: { readonly hcl?: string } = {},
): Promise<StoryRig> {
  const folder = await mkdtemp(join(tmpdir(), `weft-${story}-`));
  const [consul, nats] = await Promise.all([startConsul({ hcl }), startNats()]);
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  const { resolver } = discovery;
  const processes = new Map<string, ServiceProcess>();
  const stubs: object[] = [];
  const named = (instance: string): ServiceProcess => {
    const found = processes.get(instance);
    if (found === undefined) throw new Error(`${instance} was never started`);
    return found;
  };
  const stop = (instance: string): Promise<void> => named(instance).close();
  return {
    ...{ consul, nats, folder, resolver, stop },
    client(definition, options) {
      const stub = createClient(definition, { resolver, ...options });
      stubs.push(stub);
      return stub;
    },
    start(service, { instance = service, env = {} } = {}) {
      const started = startServiceProcess(join(services, story, service, 'main.ts'), {
        ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, INSTANCE_ID: instance },
        ...{ STORE: `sqlite:${join(folder, `${service}.db`)}`, METRICS_PORT: 'off', ...env },
      });
      processes.set(instance, started);
      return started;
    },
    async kill(instance) {
      named(instance).child.kill('SIGKILL');
      await stop(instance);
    },
    freeze: (instance) => freeze(named(instance).child.pid),
    async close() {
      await Promise.all([...processes.keys()].map(stop));
      await Promise.all(stubs.map(closeClient));
      await discovery.close();
      await Promise.all([consul.close(), nats.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
