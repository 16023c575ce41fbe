import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { eventually } from '../../testing/eventually.ts';
import { sql } from '../sql.ts';
import { type OpenStoreOptions, openStore, type Store } from '../store.ts';

interface Tables {
  counters: { name: string; n: number };
}

const hammer = fileURLToPath(new URL('../../testing/store-hammer.ts', import.meta.url));
const counters = {
  name: '001-counters',
  up: "create table counters (name text primary key, n integer); insert into counters values ('hits', 0)",
};

let folder: string;
let path: string;
const opened: Store<Tables>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-sqlite-'));
  path = join(folder, 'below', 'shop.db');
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<OpenStoreOptions> = {}): Promise<Store<Tables>> {
  const store = await openStore<Tables>({
    url: `sqlite:${path}`,
    migrations: [counters],
    ...options,
  });
  opened.push(store);
  return store;
}

test('several processes write to one file, and none loses an update or is shut out', async () => {
  const runs = Array.from({ length: 3 }, () =>
    promisify(execFile)(process.execPath, [hammer, `sqlite:${path}`, '200']),
  );
  const results = await Promise.all(runs);
  expect(results.map(({ stdout }) => stdout)).toEqual(['200', '200', '200']);
  const store = await open();
  expect(await hits(store)).toBe(600);
}, 30_000);

test('a process that is killed in the middle leaves whole transactions and a sound file', async () => {
  const store = await open();
  const child = spawn(process.execPath, [hammer, `sqlite:${path}`, '1000000'], { stdio: 'ignore' });
  await eventually(async () => (await hits(store)) > 20);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const before = await hits(store);
  await store.transaction((tx) => hit(tx));
  expect(await hits(store)).toBe(before + 1);
  const check = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(store.db);
  expect(check.rows).toMatchObject([{ integrity_check: 'ok' }]);
});

test('while another process holds the lock, waiting blocks neither the event loop nor the reads', async () => {
  const store = await open();
  const other = new DatabaseSync(path);
  other.exec('begin exclusive');
  const waiting = store.transaction((tx) => hit(tx));
  const turnsMs: number[] = [];
  for (let i = 0; i < 20; i++) {
    const start = systemClock.monotonic();
    await systemClock.sleep(5);
    turnsMs.push(systemClock.monotonic() - start);
    expect(await hits(store)).toBe(0);
  }
  other.exec('commit');
  other.close();
  await waiting;
  expect(await hits(store)).toBe(1);
  // The median: one late turn is the machine's, twenty are a blocked loop.
  expect(turnsMs.sort((a, b) => a - b)[10]).toBeLessThan(100);
});

test('a lock that is never given up is UNAVAILABLE after the lock timeout, and nothing was written', async () => {
  const store = await open({ lockTimeoutMs: 60 });
  const other = new DatabaseSync(path);
  other.exec('begin exclusive');
  const attempt = store.transaction((tx) => hit(tx));
  await expect(attempt).rejects.toMatchObject({ status: 'UNAVAILABLE', reason: 'STORE_BUSY' });
  other.close();
  await store.transaction((tx) => hit(tx));
  expect(await hits(store)).toBe(1);
});

test('a writer that gives up leaves the queue at once, and those behind it move up', async () => {
  const store = await open();
  const end = Promise.withResolvers<undefined>();
  const first = store.transaction(async (tx) => {
    await end.promise;
    await hit(tx);
  });
  const caller = new AbortController();
  const second = store.transaction((tx) => hit(tx), caller.signal);
  const third = store.transaction((tx) => hit(tx));
  caller.abort();
  await expect(second).rejects.toMatchObject({ status: 'CANCELLED' });
  end.resolve(undefined);
  await Promise.all([first, third]);
  expect(await hits(store)).toBe(2);
});

test('a full disk is RESOURCE_EXHAUSTED, leaves nothing behind, and heals when there is room', async () => {
  const store = await open();
  await sql`pragma max_page_count = 12`.execute(store.db);
  const grow = (): Promise<void> =>
    store.transaction(async (tx) => {
      await hit(tx);
      for (let i = 0; i < 40; i++) {
        const row = { name: `${'x'.repeat(4000)}${String(i)}`, n: i };
        // The disk is full for one row; work that goes on regardless must not write the rest.
        await tx
          .insertInto('counters')
          .values(row)
          .execute()
          .catch((error: unknown) => {
            if (i < 39) return;
            throw error;
          });
      }
    });
  await expect(grow()).rejects.toThrow();
  expect(await hits(store)).toBe(0);
  const full = store.db
    .insertInto('counters')
    .values({ name: 'y'.repeat(100_000), n: 0 })
    .execute();
  await expect(full).rejects.toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'STORE_FULL' });
  await sql`pragma max_page_count = 10000`.execute(store.db);
  await store.transaction((tx) => hit(tx));
  expect(await hits(store)).toBe(1);
});

test('a value that SQLite cannot hold is refused by its place and type', async () => {
  const store = await open();
  const attempt = sql`insert into counters values ('x', ${new Date(0)})`.execute(store.db);
  await expect(attempt).rejects.toThrow('parameter 1 of a statement is Date');
});

test('the file is in WAL mode, with as much fsync as was asked for', async () => {
  const read = async (store: Store<Tables>): Promise<unknown> => {
    const mode = await sql`pragma journal_mode`.execute(store.db);
    const synchronous = await sql`pragma synchronous`.execute(store.db);
    return [...mode.rows, ...synchronous.rows];
  };
  expect(await read(await open())).toMatchObject([{ journal_mode: 'wal' }, { synchronous: 1 }]);
  const full = await open({ durability: 'full' });
  expect(await read(full)).toMatchObject([{ journal_mode: 'wal' }, { synchronous: 2 }]);
});

test('a file that is no database is DATA_LOSS', async () => {
  path = fileURLToPath(import.meta.url);
  await expect(open()).rejects.toMatchObject({ status: 'DATA_LOSS', reason: 'STORE_CORRUPT' });
});

async function hit(db: Store<Tables>['db']): Promise<void> {
  await db
    .updateTable('counters')
    .set((row) => ({ n: row('n', '+', 1) }))
    .where('name', '=', 'hits')
    .execute();
}

async function hits(store: Store<Tables>): Promise<number> {
  const row = await store.db
    .selectFrom('counters')
    .select('n')
    .where('name', '=', 'hits')
    .executeTakeFirstOrThrow();
  return row.n;
}
