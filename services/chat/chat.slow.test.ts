/**
 * The chat end to end: its services as `weft up` runs them, two gateways among them, over a real Consul and a
 * real nats-server, and gateways that are killed while people write.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ConsulServer, startConsul } from '../../mesh/testing/consul.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';
import { type ServiceProcess, startServiceProcess } from '../../mesh/testing/service-process.ts';
import { type ChatClient, createChatClient } from './demo/chat-client.ts';
import { type Gateways, watchGateways } from './demo/gateways.ts';

const secret = 'a secret of at least thirty-two bytes';
const patience = { withinMs: 60_000, everyMs: 50 };
let folder: string;
let consul: ConsulServer;
let nats: NatsServer;
let gateways: Gateways;
const processes = new Map<string, ServiceProcess>();
const clients: ChatClient[] = [];

/** The instance as a process; instances of one service share a database. */
function start(service: 'messages' | 'presence' | 'gateway', instance: string): void {
  const env = {
    ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, INSTANCE_ID: instance },
    STORE: service === 'gateway' ? 'sqlite::memory:' : `sqlite:${join(folder, `${service}.db`)}`,
    ...{ TOKEN_SECRET: secret, REPORT_EVERY_MS: '300' },
  };
  const program = join(import.meta.dirname, service, 'main.ts');
  processes.set(instance, startServiceProcess(program, env));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-chat-'));
  [consul, nats] = await Promise.all([startConsul(), startNats()]);
  gateways = watchGateways(consul.address);
  start('messages', 'messages-1');
  start('messages', 'messages-2');
  start('presence', 'presence-1');
  start('gateway', 'gateway-1');
  start('gateway', 'gateway-2');
  await eventually(() => gateways.all().size === 2, patience);
}, 120_000);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await gateways.close();
  await Promise.all([...processes.values()].map((process) => process.close()));
  await Promise.all([consul.close(), nats.close()]);
  await rm(folder, { recursive: true, force: true });
}, 60_000);

/** A user who begins at one gateway, and goes wherever there is one when it is gone. */
function user(userId: string, gateway: string): { client: ChatClient; texts: string[] } {
  const texts: string[] = [];
  let tries = 0;
  const client = createChatClient({
    ...{ userId, secret, onMessage: ({ text }) => void texts.push(text) },
    gateway: () => (tries++ === 0 ? gateways.all().get(gateway) : undefined) ?? gateways.next(),
  });
  clients.push(client);
  return { client, texts };
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

test('kill -9 of gateways loses no message and doubles none, and each conversation keeps its order', async () => {
  const names = numbers(6).map((n) => `user-${n}`);
  const users = names.map((name, i) => user(name, i % 2 === 0 ? 'gateway-1' : 'gateway-2'));
  await eventually(() => users.every(({ client }) => client.state === 'open'), patience);
  // Each writes to the next one, most of whom are on the other gateway.
  const writing = Promise.all(
    users.map(async ({ client }, i) => {
      for (const n of numbers(150)) {
        await client.send(names[(i + 1) % names.length] ?? '', n);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }),
  );
  for (const victim of ['gateway-1', 'gateway-2', 'gateway-1']) {
    await new Promise((resolve) => setTimeout(resolve, 700));
    processes.get(victim)?.child.kill('SIGKILL');
    start('gateway', victim);
    await eventually(() => users.every(({ client }) => client.state === 'open'), patience);
  }
  await writing;
  await eventually(() => users.every(({ texts }) => texts.length >= 150), patience);
  for (const { texts, client } of users) {
    expect(texts).toEqual(numbers(150));
    expect(client.repeated).toBe(0);
  }
}, 150_000);

test('who is away finds everything on return, and who was at a gateway that was killed counts as gone', async () => {
  const ada = user('ada', 'gateway-2');
  const bob = user('bob', 'gateway-1');
  const online = async (): Promise<boolean | undefined> => {
    const { users } = await ada.client.request({ type: 'presence', users: ['bob'] });
    return (users as { online: boolean }[])[0]?.online;
  };
  await eventually(async () => (await online()) === true, patience);
  processes.get('gateway-1')?.child.kill('SIGKILL');
  await bob.client.close();
  await eventually(async () => (await online()) === false, patience);
  for (const n of numbers(70)) await ada.client.send('bob', n);
  start('gateway', 'gateway-1');
  const back = user('bob', 'gateway-2');
  await eventually(() => back.texts.length === 70, patience);
  expect(back.texts).toEqual(numbers(70));
  expect(back.client.repeated).toBe(0);
}, 120_000);
