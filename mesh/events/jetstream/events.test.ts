import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { connect, type NatsConnection } from 'nats';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { sql } from '../../store/sql.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import { freeze } from '../../testing/freeze.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import { type PostgresServer, startPostgres } from '../../testing/postgres.ts';
import type { Bus } from '../bus/bus.ts';
import { eventTables } from '../tables.ts';
import { createJetStreamBus } from './bus.ts';

const program = fileURLToPath(new URL('../../testing/events-process.ts', import.meta.url));

let nats: NatsServer;
let postgres: PostgresServer;
let folder: string;
let url: string;
let runs = 0;
const opened: { close(): Promise<void> }[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
  folder = await mkdtemp(join(tmpdir(), 'weft-events-'));
}, 60_000);
afterAll(async () => {
  await Promise.all([nats.close(), postgres.close()]);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  url = `sqlite:${join(folder, `${String(++runs)}.db`)}`;
  const admin = await connect({ servers: nats.url });
  await forget(admin, 'shop-orders');
  await admin.close();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function forget(admin: NatsConnection, stream: string): Promise<void> {
  const { streams } = await admin.jetstreamManager();
  await streams.delete(stream).catch(() => undefined);
}

function newBus(): Bus {
  const bus = createJetStreamBus({
    servers: [nats.url],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...{ connectWaitMs: 300, heartbeatMs: 500 },
  });
  opened.push(bus);
  return bus;
}

async function newRig(options: { url?: string; bus?: Bus } = {}): Promise<Rig> {
  const rig = await createRig({
    ...{ url, bus: options.bus ?? newBus(), relay: { leaseMs: 1_000 } },
    ...options,
  });
  opened.push(rig);
  return rig;
}

async function run(role: 'relay' | 'crash' | 'give-up'): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, url, nats.url, role], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const died = once(child, 'exit').then(() => {
    throw new Error(`the process "${role}" ended before it was ready`);
  });
  await Promise.race([once(child.stdout, 'data'), died]);
  died.catch(() => undefined);
  return child;
}

async function unsent(rig: Rig): Promise<number> {
  const rows = await eventTables(rig.store.db)
    .selectFrom('weft_outbox')
    .select('id')
    .where('sent_at', 'is', null)
    .execute();
  return rows.length;
}

test('nats-server may be away at the start: events are taken, and delivered when it comes', async () => {
  await nats.kill();
  const rig = await newRig();
  rig.events.start();
  const subscription = await rig.hear();
  await rig.confirm('order-1');
  await eventually(() => rig.events.relay.kind === 'waiting');
  expect(subscription.state).toBe('waiting');
  expect(await rig.effects()).toEqual([]);
  await nats.restart();
  await rig.hasEffects('order-1');
  expect(subscription.state).toBe('consuming');
});

test.each(['SQLite', 'PostgreSQL'])(
  'nats-server is killed for a while during 500 orders: each has its effect once (%s)',
  async (database) => {
    const rig = await newRig(database === 'PostgreSQL' ? { url: await newDatabase() } : {});
    rig.events.start();
    await rig.hear();
    const orders = Array.from({ length: 500 }, (_, i) => `order-${String(i)}`);
    const outage = async (): Promise<void> => {
      await eventually(async () => (await rig.effects()).length > 20);
      await nats.kill();
      await systemClock.sleep(1_500);
      await nats.restart();
    };
    const away = outage();
    for (const order of orders) {
      await rig.confirm(order);
      await systemClock.sleep(2);
    }
    await away;
    await rig.hasEffects(...orders);
    await eventually(async () => (await unsent(rig)) === 0);
  },
  40_000,
);

test('a consumer that is killed between its effect and its ack leaves one effect', async () => {
  const rig = await newRig();
  rig.events.start();
  const child = await run('crash');
  await rig.confirm('order-1');
  await once(child, 'exit');
  expect(await rig.effects()).toEqual(['order-1']);
  let handled = 0;
  const count = async (): Promise<void> => {
    handled++;
  };
  await rig.hear(count, { ackWaitMs: 500 });
  await rig.confirm('order-2');
  await eventually(() => isAllAcked('warehouse'));
  await rig.hasEffects('order-1', 'order-2');
  expect(handled).toBe(1);
});

async function isAllAcked(consumer: string): Promise<boolean> {
  const admin = await connect({ servers: nats.url });
  const { consumers } = await admin.jetstreamManager();
  const info = await consumers.info('shop-orders', consumer);
  await admin.close();
  return info.num_ack_pending === 0 && info.num_pending === 0;
}

test('after five failures an event is a dead letter of its consumer, and others go on', async () => {
  const rig = await newRig();
  rig.events.start();
  await rig.hear(({ orderId }) =>
    orderId === 'poison' ? Promise.reject(new Error('no such shelf')) : Promise.resolve(),
  );
  const id = await rig.confirm('poison');
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  await eventually(async () => (await rig.deadLetters()).length === 1);
  const [letter] = await rig.deadLetters();
  expect(letter).toMatchObject({ eventId: id, key: 'poison', failures: 5, sequence: 1 });
  expect(OrderConfirmed.decode(letter?.payload ?? new Uint8Array()).orderId).toBe('poison');
});

test('killed between the last failure and the commit that gives the event up: one letter, none lost', async () => {
  const rig = await newRig();
  rig.events.start();
  const child = await run('give-up');
  const id = await rig.confirm('poison');
  await once(child, 'exit');
  expect(await rig.deadLetters()).toEqual([]);
  // What was counted before stays counted: the next failure is the last.
  let tries = 0;
  await rig.hear(
    () => {
      tries++;
      return Promise.reject(new Error('no such shelf'));
    },
    { ackWaitMs: 500, maxDeliveries: 3 },
  );
  await eventually(async () => (await rig.deadLetters()).length === 1);
  expect(await rig.deadLetters()).toMatchObject([{ eventId: id, failures: 3 }]);
  expect(tries).toBe(1);
  await eventually(() => isAllAcked('warehouse'));
  expect(await rig.effects()).toEqual([]);
});

test('a durable that is deleted is made again, and the inbox knows what was done', async () => {
  const rig = await newRig();
  rig.events.start();
  await rig.hear();
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  const admin = await connect({ servers: nats.url });
  const { consumers } = await admin.jetstreamManager();
  await consumers.delete('shop-orders', 'warehouse');
  await admin.close();
  await rig.confirm('order-2');
  await rig.hasEffects('order-1', 'order-2');
});

test('a stream that is deleted is made again when there is something to send', async () => {
  const rig = await newRig();
  rig.events.start();
  await rig.hear();
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  const admin = await connect({ servers: nats.url });
  await forget(admin, 'shop-orders');
  await admin.close();
  await rig.confirm('order-2');
  await rig.hasEffects('order-1', 'order-2');
});

test('rows of other processes are sent by the one that holds the lease', async () => {
  await run('relay');
  const rig = await newRig();
  rig.events.start();
  await rig.hear();
  await eventually(() => rig.events.relay.kind === 'standby');
  const start = systemClock.monotonic();
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  expect(systemClock.monotonic() - start).toBeLessThan(10_000);
  expect(rig.events.relay.kind).toBe('standby');
});

test('a relay that is killed is followed by another', async () => {
  const child = await run('relay');
  const rig = await newRig();
  rig.events.start();
  await rig.hear();
  child.kill('SIGKILL');
  const start = systemClock.monotonic();
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  // The lease of 1 s, and 1 s to notice, on a machine that has other things to do.
  expect(systemClock.monotonic() - start).toBeLessThan(10_000);
  expect(rig.events.relay).toEqual({ kind: 'relaying', token: 2 });
});

test('a relay that slept through the end of its lease is fenced', async () => {
  const child = await run('relay');
  const rig = await newRig();
  rig.events.start();
  await rig.hear();
  const thaw = await freeze(child.pid);
  await eventually(() => rig.events.relay.kind === 'relaying');
  thaw();
  const orders = Array.from({ length: 50 }, (_, i) => `order-${String(i)}`);
  for (const order of orders) await rig.confirm(order);
  await rig.hasEffects(...orders);
  expect(rig.events.relay).toEqual({ kind: 'relaying', token: 2 });
});

async function newDatabase(): Promise<string> {
  const admin = await createRig({ bus: newBus(), url: postgres.url });
  const name = `events_${String(++runs)}`;
  await sql`create database ${sql.id(name)}`.execute(admin.store.db);
  await admin.close();
  return postgres.url.replace(/[^/]+$/, name);
}
