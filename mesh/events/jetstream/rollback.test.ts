import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { connect } from 'nats';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import type { Bus } from '../bus/bus.ts';
import { createJetStreamBus } from './bus.ts';

let nats: NatsServer;
let folder: string;
let bus: Bus;
let rig: Rig;
let runs = 0;

beforeAll(async () => {
  nats = await startNats();
  folder = await mkdtemp(join(tmpdir(), 'weft-rollback-'));
}, 60_000);
afterAll(async () => {
  await nats.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  bus = createJetStreamBus({
    servers: [nats.url],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...{ connectWaitMs: 300, heartbeatMs: 500 },
  });
  rig = await createRig({ bus, url: `sqlite:${join(folder, `${String(++runs)}.db`)}` });
  rig.events.start();
  await rig.hear();
});
afterEach(async () => {
  await rig.close();
  await bus.close();
});

const orders = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `order-${String(from + i)}`);
const confirm = async (ids: readonly string[]): Promise<string[]> => {
  const events: string[] = [];
  for (const id of ids) events.push(await rig.confirm(id));
  return events;
};
/** The ids of what the channel holds, in its order. */
async function held(): Promise<(string | undefined)[]> {
  const { lastSequence = 0 } = (await bus.inspect('shop-orders')) ?? {};
  const places = Array.from({ length: lastSequence }, (_, i) => i + 1);
  return Promise.all(places.map((sequence) => bus.idAt('shop-orders', sequence)));
}

test('a broker whose data was put back from a copy is sent what it lost, in order, and each has one effect', async () => {
  const early = await confirm(orders(1, 5));
  await rig.hasEffects(...orders(1, 5));
  await nats.stop();
  const copy = join(folder, 'copy');
  await cp(nats.data, copy, { recursive: true });
  await nats.restart();
  const late = await confirm(orders(6, 12));
  await rig.hasEffects(...orders(1, 12));
  await eventually(async () => (await rig.events.outbox()).unsent === 0);
  await nats.kill();
  await rm(nats.data, { recursive: true });
  await cp(copy, nats.data, { recursive: true });
  await nats.restart();
  const last = await confirm(orders(13, 13));
  await rig.hasEffects(...orders(1, 13));
  await eventually(async () => (await rig.events.outbox()).unsent === 0);
  expect(rig.events.resent).toBe(7);
  expect(await held()).toEqual([...early, ...late, ...last]);
  expect(await rig.effects()).toHaveLength(13);
}, 40_000);

test('a stream that was deleted is sent all that it had, and each has one effect', async () => {
  const early = await confirm(orders(1, 4));
  await rig.hasEffects(...orders(1, 4));
  const admin = await connect({ servers: nats.url });
  await (await admin.jetstreamManager()).streams.delete('shop-orders');
  await admin.close();
  const late = await confirm(orders(5, 6));
  await rig.hasEffects(...orders(1, 6));
  await eventually(async () => (await rig.events.outbox()).unsent === 0);
  expect(rig.events.resent).toBe(4);
  expect(await held()).toEqual([...early, ...late]);
});
