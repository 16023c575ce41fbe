import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { connect } from 'nats';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import { freeze } from '../../testing/freeze.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import { hearSteps, inPartitions, publishSteps, stepsOf } from '../../testing/steps.ts';
import { eventTables } from '../tables.ts';
import { createJetStreamBus } from './bus.ts';

const program = fileURLToPath(new URL('../../testing/events-process.ts', import.meta.url));
const keys = Array.from({ length: 24 }, (_, i) => `key-${String(i)}`);

let nats: NatsServer;
let folder: string;
let url: string;
let runs = 0;
const opened: { close(): Promise<void> }[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  nats = await startNats();
  folder = await mkdtemp(join(tmpdir(), 'weft-partitions-'));
}, 60_000);
afterAll(async () => {
  await nats.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  url = `sqlite:${join(folder, `${String(++runs)}.db`)}`;
  const admin = await connect({ servers: nats.url });
  const { streams } = await admin.jetstreamManager();
  await streams.delete('shop-orders').catch(() => undefined);
  await admin.close();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function newRig(): Promise<Rig> {
  const bus = createJetStreamBus({
    servers: [nats.url],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...{ connectWaitMs: 300, heartbeatMs: 500 },
  });
  const rig = await createRig({ url, bus, image: inPartitions(8), relay: { leaseMs: 1_000 } });
  opened.push(bus, rig);
  return rig;
}

async function hearInProcess(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program, url, nats.url, 'ordered'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

/** Publishes the steps of all keys from `from` to `to`. */
async function walk(rig: Rig, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) {
    await publishSteps(rig, ...keys.map((key) => [key, step] as const));
    await systemClock.sleep(2);
  }
}

/** Waits until all keys have come to `step`, and expects that none left one out, repeated one or went back. */
async function arrived(rig: Rig, step: number): Promise<void> {
  const all = async (): Promise<boolean> => {
    const steps = await stepsOf(rig.store);
    return keys.every((key) => (steps.get(key)?.length ?? 0) >= step);
  };
  await eventually(all, { withinMs: 30_000 });
  const upTo = Array.from({ length: step }, (_, i) => i + 1);
  const steps = await stepsOf(rig.store);
  for (const key of keys) expect([key, steps.get(key)]).toEqual([key, upTo]);
}

/** How many partitions each process holds, largest first. */
async function shares(rig: Rig): Promise<number[]> {
  const rows = await eventTables(rig.store.db)
    .selectFrom('weft_lease')
    .select(['holder', ({ fn }) => fn.countAll<number>().as('held')])
    .where('name', 'like', 'consume/%')
    .where('expires_at', '>', Date.now())
    .groupBy('holder')
    .execute();
  return rows.map(({ held }) => held).sort((a, b) => b - a);
}

test('partitions are shared by those who come and go, and no key loses its order', async () => {
  const rig = await newRig();
  rig.events.start();
  await hearSteps(rig);
  await eventually(async () => (await shares(rig)).join() === '8');
  const walking = walk(rig, 1, 60);
  const second = await newRig();
  await hearSteps(second);
  await eventually(async () => (await shares(rig)).join() === '4,4');
  const third = await newRig();
  const leaving = await hearSteps(third);
  await eventually(async () => (await shares(rig)).join() === '3,3,2');
  await leaving.close();
  await eventually(async () => (await shares(rig)).join() === '4,4');
  await walking;
  await arrived(rig, 60);
}, 60_000);

test('a process that is killed is followed by another, in order and without a second effect', async () => {
  const rig = await newRig();
  rig.events.start();
  const child = await hearInProcess();
  const walking = walk(rig, 1, 60);
  await eventually(async () => (await stepsOf(rig.store)).size > 0);
  await hearSteps(rig);
  await systemClock.sleep(200);
  child.kill('SIGKILL');
  await walking;
  await arrived(rig, 60);
}, 60_000);

test('a process that slept through the end of its leases writes nothing, and spoils no order', async () => {
  const rig = await newRig();
  rig.events.start();
  const child = await hearInProcess();
  await walk(rig, 1, 5);
  await arrived(rig, 5);
  const thaw = await freeze(child.pid);
  const walking = walk(rig, 6, 40);
  await hearSteps(rig);
  await eventually(async () => ((await stepsOf(rig.store)).get('key-0')?.length ?? 0) > 10);
  thaw();
  await walking;
  await arrived(rig, 40);
}, 60_000);

test('nats-server is killed and restarted: every key goes on where it was', async () => {
  const rig = await newRig();
  rig.events.start();
  await hearSteps(rig);
  const walking = walk(rig, 1, 100);
  await eventually(async () => (await stepsOf(rig.store)).size > 0);
  await nats.kill();
  await systemClock.sleep(300);
  await nats.restart();
  await walking;
  await arrived(rig, 100);
}, 60_000);
