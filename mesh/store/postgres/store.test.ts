import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../../testing/eventually.ts';
import { type PostgresServer, startPostgres } from '../../testing/postgres.ts';
import { sql } from '../sql.ts';
import { openStore, type Store } from '../store.ts';

interface Tables {
  counters: { name: string; n: number };
}

let server: PostgresServer;
let store: Store<Tables>;

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.close());
afterEach(() => store.close());

async function open(connections = 4): Promise<void> {
  const up =
    "create table counters (name text primary key, n integer); insert into counters values ('a', 0), ('b', 0)";
  const migrations = [{ name: '001-counters', up }];
  store = await openStore<Tables>({ url: server.url, migrations, connections });
  await sql`delete from counters where name not in ('a', 'b')`.execute(store.db);
  await sql`update counters set n = 0`.execute(store.db);
}

test('of two transactions that deadlock, the one that PostgreSQL ended runs again', async () => {
  await open();
  const both = Promise.withResolvers<undefined>();
  let arrived = 0;
  const crossing = (first: string, second: string): Promise<void> =>
    store.transaction(async (tx) => {
      await add(tx, first);
      if (++arrived === 2) both.resolve(undefined);
      await both.promise;
      await add(tx, second);
    });
  await Promise.all([crossing('a', 'b'), crossing('b', 'a')]);
  const rows = await store.db.selectFrom('counters').select('n').execute();
  expect(rows).toEqual([{ n: 2 }, { n: 2 }]);
  expect(arrived).toBe(3);
});

test('an error that the work swallowed does not make a lost transaction look committed', async () => {
  await open();
  const attempt = store.transaction(async (tx) => {
    await add(tx, 'a');
    await sql`select * from nowhere`.execute(tx).catch(() => undefined);
  });
  await expect(attempt).rejects.toMatchObject({ status: 'ABORTED', reason: 'TRANSACTION_LOST' });
});

test('a connection that is cut in a transaction is UNAVAILABLE, and the next one gets a new one', async () => {
  await open();
  const attempt = store.transaction(async (tx) => {
    await add(tx, 'a');
    await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx);
  });
  await expect(attempt).rejects.toMatchObject({
    status: 'UNAVAILABLE',
    reason: 'STORE_UNAVAILABLE',
  });
  await store.transaction((tx) => add(tx, 'a'));
  expect(await store.db.selectFrom('counters').select('n').execute()).toContainEqual({ n: 1 });
});

test('whoever gives up while the pool is exhausted leaves at once and loses no connection', async () => {
  await open(1);
  const end = Promise.withResolvers<undefined>();
  const holder = store.transaction(async () => {
    await end.promise;
  });
  const caller = new AbortController();
  const waiting = store.transaction((tx) => add(tx, 'a'), caller.signal);
  caller.abort();
  await expect(waiting).rejects.toMatchObject({ status: 'CANCELLED' });
  end.resolve(undefined);
  await holder;
  await store.transaction((tx) => add(tx, 'a'));
});

test('a statement whose BEGIN was refused is not run on its own, and the next transaction is well', async () => {
  await open(1);
  await store.transaction((tx) => add(tx, 'a'));
  // The session forgets the BEGIN that was prepared in it.
  await sql`deallocate all`.execute(store.db);
  const attempt = store.transaction((tx) => add(tx, 'a'));
  await expect(attempt).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect(await counters()).toEqual({ a: 1, b: 0 });
  await store.transaction((tx) => add(tx, 'b'));
  expect(await counters()).toEqual({ a: 1, b: 1 });
});

test('after a BEGIN that failed the work can write nothing more, whether or not it noticed', async () => {
  await open(1);
  await store.transaction((tx) => add(tx, 'a'));
  await sql`deallocate all`.execute(store.db);
  const attempt = store.transaction(async (tx) => {
    await add(tx, 'a').catch(() => undefined);
    await add(tx, 'b').catch(() => undefined);
  });
  await expect(attempt).rejects.toMatchObject({ reason: 'TRANSACTION_LOST' });
  expect(await counters()).toEqual({ a: 1, b: 0 });
});

test('a COMMIT that fails is told to its own caller, not to the one behind it on the connection', async () => {
  await open(1);
  await sql`create table if not exists pairs (
    id int primary key, other int references pairs deferrable initially deferred)`.execute(
    store.db,
  );
  const fates = Array.from({ length: 30 }, (_, i) => i % 3 === 0);
  const settled = await Promise.allSettled(
    fates.map((fails, i) =>
      store.transaction(async (tx) => {
        await add(tx, 'a');
        const id = i + 1;
        await sql`insert into pairs values (${id}, ${fails ? 1_000 : id})`.execute(tx);
      }),
    ),
  );
  expect(settled.map(({ status }) => status === 'rejected')).toEqual(fates);
  expect(await counters()).toMatchObject({ a: 20 });
});

test('of a crowd whose connection is cut, what was confirmed is stored, and the rest is told or stored', async () => {
  await open(1);
  const settled = await Promise.allSettled(
    Array.from({ length: 40 }, (_, i) =>
      store.transaction(async (tx) => {
        await add(tx, 'a');
        if (i === 20) await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx);
      }),
    ),
  );
  const refused = settled.flatMap((it) => (it.status === 'rejected' ? [it.reason as unknown] : []));
  expect(refused.length).toBeGreaterThan(0);
  for (const error of refused) expect(error).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  // The one before the cut may be stored although its caller could not be told.
  const { a = 0 } = await counters();
  expect(a - (40 - refused.length)).toBeGreaterThanOrEqual(0);
  expect(a - (40 - refused.length)).toBeLessThanOrEqual(1);
});

test('a session that forgets what was prepared, as behind a pooler, ends all preparing, and writes go on', async () => {
  await open(1);
  for (let i = 0; i < 5; i++) await store.transaction((tx) => add(tx, 'a'));
  expect(await prepared()).toHaveLength(2);
  for (let i = 0; i < 10; i++) {
    await sql`deallocate all`.execute(store.db);
    const attempt = store.transaction((tx) => add(tx, 'a'));
    if (i === 0) await expect(attempt).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    else await attempt;
  }
  expect(await counters()).toMatchObject({ a: 14 });
  expect(await prepared()).toEqual([]);
});

test('a statement that is repeated is prepared once, and one that fails leaves its connection well', async () => {
  await open(1);
  for (let i = 0; i < 10; i++) await store.transaction((tx) => add(tx, 'a'));
  expect(await prepared()).toEqual(['begin', 'update']);
  const insert = (name: string): Promise<unknown> =>
    store.transaction((tx) => tx.insertInto('counters').values({ name, n: 0 }).execute());
  for (let i = 0; i < 5; i++) {
    await expect(insert('a')).rejects.toMatchObject({ reason: 'UNIQUE_VIOLATION' });
  }
  await insert('c');
  expect(await counters()).toEqual({ a: 10, b: 0, c: 0 });
});

test('while the server is away statements are UNAVAILABLE; when it is back they work', async () => {
  await open();
  await server.kill();
  await expect(add(store.db, 'a')).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  const opening = openStore({ url: server.url, migrations: [] });
  await expect(opening).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  await server.restart();
  await eventually(async () => {
    await add(store.db, 'a');
  });
});

/** The first words of what the session has prepared. */
async function prepared(): Promise<readonly string[]> {
  const { rows } = await sql<{ statement: string }>`
    select statement from pg_prepared_statements where name like 'weft%'`.execute(store.db);
  return rows.map(({ statement }) => statement.split(' ', 1)[0] ?? '').sort();
}

async function counters(): Promise<Record<string, number>> {
  const rows = await store.db.selectFrom('counters').selectAll().execute();
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

async function add(db: Store<Tables>['db'], name: string): Promise<void> {
  await db
    .updateTable('counters')
    .set((row) => ({ n: row('n', '+', 1) }))
    .where('name', '=', name)
    .execute();
}
