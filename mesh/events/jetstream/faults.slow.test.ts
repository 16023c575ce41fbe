import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { type Cable, createCable } from '../../testing/cable.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import { startPostgres } from '../../testing/postgres.ts';
import { eventTables } from '../tables.ts';
import { createJetStreamBus } from './bus.ts';

// What breaks nats-server, or the way to it, and not its process: the others are in events.test.ts and rollback.test.ts.
let nats: NatsServer;
let cable: Cable;
let folder: string;
let rig: Rig;
const undo: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-faults-'));
  nats = await startNats();
  cable = await createCable(Number(new URL(nats.url).port));
  const bus = createJetStreamBus({
    servers: [`127.0.0.1:${String(cable.port)}`],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...{ connectWaitMs: 300, heartbeatMs: 500 },
  });
  rig = await createRig({ bus, url: `sqlite:${join(folder, 'orders.db')}` });
  undo.push(
    () => rig.close(),
    () => bus.close(),
    () => cable.close(),
    () => nats.close(),
    () => rm(folder, { recursive: true, force: true }),
  );
  rig.events.start();
}, 60_000);
afterEach(async () => {
  for (const each of undo.splice(0)) await each();
}, 60_000);

const orders = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `order-${String(from + i)}`);
const confirm = async (ids: readonly string[]): Promise<void> => {
  for (const id of ids) await rig.confirm(id);
};
const unsent = async (): Promise<number> => {
  const rows = eventTables(rig.store.db).selectFrom('weft_outbox').select('id');
  return (await rows.where('sent_at', 'is', null).execute()).length;
};

test.each(['to-client', 'to-server'] as const)(
  'while nothing gets through %s, events wait or come twice, and in the end each has one effect',
  async (direction) => {
    await rig.hear(undefined, { ackWaitMs: 1_000 });
    await confirm(orders(1, 20));
    await rig.hasEffects(...orders(1, 20));
    cable.freeze(direction);
    await confirm(orders(21, 60));
    await systemClock.sleep(2_000);
    // Nobody has said that these were stored.
    expect(await unsent()).toBe(40);
    await cable.cut();
    await cable.mend();
    await rig.hasEffects(...orders(1, 60));
    await eventually(async () => (await unsent()) === 0);
    await rig.hasEffects(...orders(1, 60));
  },
  60_000,
);

/** Makes it impossible for nats-server to write more, and possible again; it is restarted before and after. */
interface Shortage {
  readonly what: string;
  begin(): Promise<void>;
  /** There are messages in the store: from now on there is no room for more. */
  fill(): Promise<void>;
  end(): Promise<void>;
}

const aFileLimit: Shortage = {
  what: 'may write no further',
  begin: () => nats.limitFiles(48),
  fill: () => Promise.resolve(),
  end: () => nats.limitFiles(undefined),
};
/** Only root may mount. */
const aFullDisk: Shortage = {
  what: 'has a full disk',
  async begin() {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', nats.data]);
    expect(mounted.status).toBe(0);
    undo.unshift(async () => spawnSync('umount', ['--lazy', nats.data]));
    await Promise.resolve();
  },
  async fill() {
    const { bavail, bsize } = await statfs(nats.data);
    await writeFile(join(nats.data, 'filler'), Buffer.alloc(bavail * bsize - 8_192));
  },
  end: () => rm(join(nats.data, 'filler')),
};
const shortages = process.getuid?.() === 0 ? [aFileLimit, aFullDisk] : [aFileLimit];

test.each(shortages)(
  'while nats-server $what no event counts as sent that is not; when it can write again all are, once',
  async (shortage) => {
    await nats.kill();
    await shortage.begin();
    await nats.restart();
    await rig.hear(undefined, { ackWaitMs: 1_000 });
    await confirm(orders(1, 5));
    await rig.hasEffects(...orders(1, 5));
    await shortage.fill();
    await confirm(orders(6, 400));
    await eventually(async () => (await unsent()) > 0 && rig.events.relay.kind === 'waiting', {
      withinMs: 30_000,
    });
    await shortage.end();
    // What nats-server gave up when it could not write (its JetStream, or the stream) only a restart brings back.
    await nats.kill();
    await nats.restart();
    await rig.hasEffects(...orders(1, 400));
    await eventually(async () => (await unsent()) === 0);
    await rig.hasEffects(...orders(1, 400));
  },
  120_000,
);

test('when PostgreSQL is killed in the middle of batches, what was committed has its effect once, and nothing else has one', async () => {
  const database = await startPostgres();
  undo.push(() => database.close());
  const bus = createJetStreamBus({
    servers: [nats.url.replace('nats://', '')],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
  });
  const onPostgres = await createRig({ bus, url: database.url, relay: { leaseMs: 1_000 } });
  undo.unshift(
    () => onPostgres.close(),
    () => bus.close(),
  );
  onPostgres.events.start();
  await onPostgres.hear(undefined, { ackWaitMs: 1_000, leaseMs: 1_000 });
  const committed = new Set<string>();
  const asked = orders(1, 300);
  const publishing = (async () => {
    for (const id of asked) {
      await onPostgres.confirm(id).then(
        () => committed.add(id),
        () => systemClock.sleep(50),
      );
      await systemClock.sleep(5);
    }
  })();
  for (let kills = 0; kills < 3; kills++) {
    await systemClock.sleep(600);
    await database.kill();
    await database.restart();
  }
  await publishing;
  const allHad = async (): Promise<boolean> => {
    const had = new Set(await onPostgres.effects());
    return [...committed].every((id) => had.has(id));
  };
  await eventually(allHad, { withinMs: 30_000 });
  await systemClock.sleep(2_000);
  const effects = await onPostgres.effects();
  expect(committed.size).toBeGreaterThan(100);
  expect(effects).toEqual([...new Set(effects)]);
  // Beyond these there may be some whose commit was never answered.
  expect(asked).toEqual(expect.arrayContaining(effects));
}, 90_000);
