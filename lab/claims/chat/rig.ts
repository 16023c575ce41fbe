import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessagesServiceDefinition } from '#gen/chat/messages/v1/messages.ts';
import {
  type Client,
  type Closeable,
  closeClient,
  createClient,
  createConsul,
  createConsulDiscovery,
} from '#mesh';
import { startConsul } from '../../../mesh/testing/consul.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { startNats } from '../../../mesh/testing/nats.ts';
import { type ServiceProcess, startServiceProcess } from '../../../mesh/testing/service-process.ts';
import { type Gateways, watchGateways } from '../../../services/chat/demo/gateways.ts';

/** With which the tokens of all users are signed. */
export const secret = 'a secret of at least thirty-two bytes';

/** The chat as `weft up` runs it, with a Consul and a nats-server of its own. */
export interface ChatRig extends Closeable {
  readonly gateways: Gateways;
  readonly messages: Client<MessagesServiceDefinition>;
  /** The process of an instance, as "gateway-1". */
  pid(instance: string): number;
  /** kill -9, and a start anew; resolves when the killed one is gone. */
  replace(gateway: string): Promise<void>;
}

const patience = { withinMs: 60_000, everyMs: 50 };

export async function openChat(gateways: number): Promise<ChatRig> {
  const folder = await mkdtemp(join(tmpdir(), 'weft-chat-'));
  const [consul, nats] = await Promise.all([startConsul(), startNats()]);
  const processes = new Map<string, ServiceProcess>();
  const start = (service: 'messages' | 'presence' | 'gateway', instance: string): void => {
    const store = service === 'gateway' ? ':memory:' : join(folder, `${service}.db`);
    const env = {
      ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, INSTANCE_ID: instance },
      ...{ STORE: `sqlite:${store}`, TOKEN_SECRET: secret, LOG_LEVEL: 'error' },
    };
    const program = join(import.meta.dirname, '../../../services/chat', service, 'main.ts');
    processes.set(instance, startServiceProcess(program, env));
  };
  const known = watchGateways(consul.address);
  start('messages', 'messages-1');
  start('presence', 'presence-1');
  for (let n = 1; n <= gateways; n++) start('gateway', `gateway-${String(n)}`);
  await eventually(() => known.all().size === gateways, patience);
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consul.address }) });
  const messages = createClient(MessagesServiceDefinition, { resolver: discovery.resolver });
  await eventually(() => messages.readMailbox({ userId: 'nobody', after: 0, limit: 1 }), patience);
  return {
    ...{ gateways: known, messages },
    pid: (instance) => processes.get(instance)?.child.pid ?? 0,
    async replace(gateway) {
      const victim = processes.get(gateway);
      victim?.child.kill('SIGKILL');
      await victim?.close();
      start('gateway', gateway);
    },
    async close() {
      await closeClient(messages);
      await Promise.all([discovery.close(), known.close()]);
      await Promise.all([...processes.values()].map((process) => process.close()));
      await Promise.all([consul.close(), nats.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
