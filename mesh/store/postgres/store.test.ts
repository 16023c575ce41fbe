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

async function add(db: Store<Tables>['db'], name: string): Promise<void> {
  await db
    .updateTable('counters')
    .set((row) => ({ n: row('n', '+', 1) }))
    .where('name', '=', name)
    .execute();
}
