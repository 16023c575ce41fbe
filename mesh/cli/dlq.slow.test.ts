import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { readSettings } from '../app/settings.ts';
import { type App, type AppTools, on, startApp } from '../index.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { confirmed } from '../testing/events-rig.ts';
import { eventually } from '../testing/eventually.ts';
import { type NatsServer, startNats } from '../testing/nats.ts';
import { dlqCommand } from './dlq.ts';
import type { CommandIo } from './mesh-door.ts';
import { statCommand } from './stat.ts';

interface Shelf {
  picks: { order_id: string };
}

let consul: ConsulServer;
let nats: NatsServer;
let folder: string;
const apps: App[] = [];
let warehouse: AppTools<Shelf>;
/** What the handler of the warehouse refuses. */
let broken = new Set<string>();

/** Two instances of the warehouse share a database, as on one machine or over PostgreSQL. */
async function start(instance: string): Promise<void> {
  const settings = readSettings({
    ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, INSTANCE_ID: instance },
    ...{ STORE: `sqlite:${join(folder, 'warehouse.db')}`, DRAIN_SPREAD_MS: '0' },
    LOG_LEVEL: 'silent',
  });
  const app = await startApp<Shelf>({
    ...{ name: 'warehouse', settings },
    migrations: [{ name: '001-picks', up: 'create table picks (order_id text)' }],
    build(tools) {
      warehouse = tools;
      const handler = on<OrderConfirmed, Shelf>(OrderConfirmed, async ({ orderId }, { tx }) => {
        if (broken.has(orderId)) throw new Error(`no shelf holds ${orderId}`);
        await tx.insertInto('picks').values({ order_id: orderId }).execute();
      });
      return { services: [], consumer: { handlers: [handler], retryMs: 5, maxDeliveries: 3 } };
    },
  });
  apps.push(app);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-dlq-'));
  [consul, nats] = await Promise.all([startConsul(), startNats()]);
  await start('warehouse-1');
  await start('warehouse-2');
  const ls = (): Promise<Seen> => weft('ls', '--service', 'warehouse');
  await eventually(async () => (await ls().catch(() => undefined)) !== undefined);
}, 60_000);

afterAll(async () => {
  for (const app of apps) await app.close();
  await Promise.all([consul.close(), nats.close()]);
  await rm(folder, { recursive: true });
});

interface Seen {
  readonly text: string;
  readonly notes: readonly string[];
}

/** Runs `weft dlq ...`, and gives what a person would see. */
async function weft(...args: string[]): Promise<Seen> {
  const seen = { text: '', notes: [] as string[] };
  const io: CommandIo = {
    print: (text) => {
      seen.text += `${text}\n`;
    },
    note: (text) => seen.notes.push(text),
    environment: { MESH_CONSUL: consul.address },
  };
  await dlqCommand(io).parseAsync(args, { from: 'user' });
  return seen;
}

/** What `weft stat` shows. */
async function stat(): Promise<string> {
  let text = '';
  const print = (more: string): void => {
    text += more;
  };
  const io = { print, note: () => undefined, environment: { MESH_CONSUL: consul.address } };
  await statCommand(io).parseAsync(['warehouse'], { from: 'user' });
  return text;
}

async function letters(...args: string[]): Promise<readonly { id: string; key: string }[]> {
  const { text } = await weft('ls', '-o', 'json', ...args);
  return JSON.parse(text) as { id: string; key: string }[];
}

/** Orders that the warehouse gives up; resolves with the ids of their letters, by order. */
async function poison(...orders: string[]): Promise<ReadonlyMap<string, string>> {
  broken = new Set([...broken, ...orders]);
  const { store, events } = warehouse;
  for (const order of orders) {
    await store.transaction((tx) => events.publish(tx, OrderConfirmed, confirmed(order)));
  }
  const known = new Map<string, string>();
  await eventually(
    async () => {
      for (const { id, key } of await letters()) known.set(key, id);
      return orders.every((order) => known.has(order));
    },
    { withinMs: 30_000 },
  );
  return known;
}

async function picks(): Promise<string[]> {
  const rows = await warehouse.store.db.selectFrom('picks').select('order_id').execute();
  return rows.map((row) => row.order_id).sort();
}

test('weft dlq ls shows each letter once, though two instances know it', async () => {
  const known = await poison('order-1', 'order-2');
  const { text, notes } = await weft('ls');
  expect(notes).toEqual([]);
  const [heading, ...rows] = text.trim().split('\n');
  expect(heading).toMatch(/^ID +SERVICE +CONSUMER +TYPE +KEY +DIED +FAILURES +LAST ERROR$/);
  expect(rows).toHaveLength(2);
  const row = rows.find((each) => each.startsWith(known.get('order-1') ?? '-'));
  expect(row).toMatch(
    / warehouse +warehouse +OrderConfirmed +order-1 +\d+ s ago +3 +UNKNOWN: no shelf holds order-1$/,
  );
  const { text: one, notes: more } = await weft('ls', '--limit', '1');
  expect(one.trim().split('\n')).toHaveLength(2);
  expect(more).toEqual(['these are the newest 1: --limit shows more, filters choose']);
  expect(await letters('--key', 'order-2')).toMatchObject([{ key: 'order-2' }]);
  expect((await weft('ls', '--since', '2000-01-01', '--type', 'OrderDeclined')).text).toBe(
    'no dead letters; asked were warehouse\n',
  );
});

test('weft dlq show tells why it died, and what it says', async () => {
  const id = (await poison('order-3')).get('order-3') ?? '';
  const { text } = await weft('show', id);
  expect(text).toMatch(new RegExp(`^id +${id}\nstate +dead\nconsumer +warehouse\n`));
  expect(text).toMatch(/^type +shop\.orders\.v1\.OrderConfirmed$/m);
  expect(text).toMatch(/^place +\d+ in shop-orders, on shop-orders\.OrderConfirmed$/m);
  expect(text).toMatch(/^failed +3 times, first \d{4}-/m);
  expect(text.match(/ UNKNOWN +- +no shelf holds order-3$/gm)).toHaveLength(3);
  expect(text).toMatch(/^ce-type: shop\.orders\.v1\.OrderConfirmed$/m);
  expect(text).toContain('"orderId": "order-3"');
  const json = JSON.parse((await weft('show', id, '-o', 'json')).text) as { payloadJson: object };
  expect(json).toMatchObject({ id, failures: 3, payloadJson: { orderId: 'order-3' } });
});

test('weft dlq replay gives an event back; it has its effect once', async () => {
  const id = (await poison('order-4')).get('order-4') ?? '';
  broken.delete('order-4');
  const { text } = await weft('replay', id);
  expect(text).toBe(`replayed ${id}\n1 dead letter given back\n`);
  await eventually(async () => (await picks()).includes('order-4'));
  await eventually(async () => {
    const rows = (await weft('ls', '--replayed', '--key', 'order-4')).text;
    return / handled +UNKNOWN/.test(rows);
  });
  expect(await letters('--key', 'order-4')).toEqual([]);
  expect((await weft('replay', id)).text).toContain(`left alone ${id}: it was replayed before`);
  expect((await picks()).filter((order) => order === 'order-4')).toEqual(['order-4']);
});

test('weft dlq replay --all gives back what the filters choose', async () => {
  await poison('order-5', 'order-6');
  broken.delete('order-5');
  const { text } = await weft('replay', '--all', '--key', 'order-5');
  expect(text).toMatch(/^replayed \S+\n1 dead letter given back/);
  await eventually(async () => (await picks()).includes('order-5'));
  expect(await letters('--key', 'order-6')).toHaveLength(1);
});

test('weft stat shows what is published and handled, and counts the letters of a shared database once', async () => {
  await poison('order-8');
  const waiting = (await letters()).length;
  // What waits is counted every five seconds.
  const row = new RegExp(
    `^warehouse +2 consuming +\\d.* ms +.* ms +\\d+ +\\d+ +0 +0 +${waiting}$`,
    'm',
  );
  await eventually(async () => row.test(await stat()), { withinMs: 20_000, everyMs: 250 });
  expect(await stat()).toMatch(/^warehouse +\d+\.\d +0 +1 relaying, 1 standby$/m);
});

test('weft dlq drop forgets letters, and says how many', async () => {
  await poison('order-7');
  const before = await letters();
  const { text } = await weft('drop', '--all', '--consumer', 'warehouse');
  expect(text).toContain(`${before.length} dead letters dropped`);
  expect(await letters()).toEqual([]);
  expect(await picks()).not.toContain('order-7');
});

test('nothing is replayed or dropped without being named', async () => {
  for (const verb of ['replay', 'drop']) {
    const how = /wants ids, as weft dlq ls lists them, or --all with at least one of --service/;
    await expect(weft(verb)).rejects.toThrow(how);
    await expect(weft(verb, '--all')).rejects.toThrow(how);
    await expect(weft(verb, 'id', '--all', '--key', 'k')).rejects.toThrow(how);
    await expect(weft(verb, '--key', 'k')).rejects.toThrow(how);
  }
});

test('an id that nobody knows is named, with who was asked', async () => {
  const nobody =
    /nobody has the dead letter 01NONE; asked were all instances of warehouse; weft dlq ls --replayed/;
  await expect(weft('show', '01NONE')).rejects.toThrow(nobody);
  await expect(weft('drop', '01NONE')).rejects.toThrow(nobody);
  await expect(weft('replay', '01NONE', '--service', 'warehouse')).rejects.toThrow(nobody);
  await expect(weft('ls', '--service', 'warehose')).rejects.toThrow(
    /knows no service "warehose"; it knows warehouse/,
  );
});

test('a key that stands still is listed and released, also when its dead letter is gone', async () => {
  let packing: AppTools<Shelf> | undefined;
  const stuck = new Set(['order-20', 'order-21']);
  const settings = readSettings({
    ...{ MESH_CONSUL: consul.address, MESH_NATS: nats.url, INSTANCE_ID: 'packing-1' },
    ...{ STORE: `sqlite:${join(folder, 'packing.db')}`, DRAIN_SPREAD_MS: '0' },
    LOG_LEVEL: 'silent',
  });
  const handler = on<OrderConfirmed, Shelf>(OrderConfirmed, async ({ orderId }, { tx }) => {
    if (stuck.has(orderId)) throw new Error(`no box holds ${orderId}`);
    await tx.insertInto('picks').values({ order_id: orderId }).execute();
  });
  const app = await startApp<Shelf>({
    ...{ name: 'packing', settings },
    migrations: [{ name: '001-picks', up: 'create table picks (order_id text)' }],
    build(tools) {
      packing = tools;
      const tuning = { ordered: true, onDead: 'park-key', maxDeliveries: 1, from: 'now' } as const;
      return { services: [], consumer: { handlers: [handler], ...tuning } };
    },
  });
  apps.push(app);
  const { store, events } = packing ?? warehouse;
  const publish = async (...orders: string[]): Promise<void> => {
    for (const order of orders) {
      await store.transaction((tx) => events.publish(tx, OrderConfirmed, confirmed(order)));
    }
  };
  const stopped = async (...args: string[]): Promise<{ eventId: string; key: string }[]> =>
    JSON.parse((await weft('stopped', '-o', 'json', ...args)).text) as never;
  await eventually(async () => (await weft('stopped').catch(() => undefined)) !== undefined);
  // What was published before the consumer stood at the broker is not for it.
  await eventually(
    async () => {
      await publish('order-20', 'order-21');
      return (await stopped('--service', 'packing')).length === 2;
    },
    { withinMs: 30_000, everyMs: 250 },
  );
  const { text } = await weft('stopped', '--key', 'order-20');
  expect(text).toMatch(/^EVENT +SERVICE +CONSUMER +TYPE +KEY +WAIT +DEAD LETTER\n/);
  expect(text).toMatch(/ packing +packing +OrderConfirmed +order-20 +\d+ +01\w{24}\n$/);
  await store.db.deleteFrom('weft_dead_letter' as never).execute();
  expect((await weft('stopped')).text).toMatch(/ order-21 +\d+ +gone$/m);
  stuck.clear();
  const ids = (await stopped('--consumer', 'packing')).map(({ eventId }) => eventId);
  const released = (await weft('release', ids[0] ?? '')).text;
  expect(released).toBe(`released ${ids[0] ?? ''}: its key goes on with it\n`);
  expect((await weft('release', ids[1] ?? '', '--skip')).text).toMatch(/goes on without it/);
  expect((await weft('stopped')).text).toMatch(
    /^no key stands still; asked were packing, warehouse/,
  );
  await expect(weft('release', ids[0] ?? '')).rejects.toThrow(/no key stands still for the event/);
  const packed = async (): Promise<unknown[]> =>
    store.db.selectFrom('picks').select('order_id').execute();
  await eventually(async () =>
    (await packed()).some((row) => JSON.stringify(row).includes('order-20')),
  );
}, 60_000);
