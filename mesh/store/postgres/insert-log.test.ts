import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { MeshError } from '../../kernel/error.ts';
import { eventually } from '../../testing/eventually.ts';
import { type PostgresServer, startPostgres } from '../../testing/postgres.ts';
import type { LoggedTransaction } from '../insert-log.ts';
import { sql } from '../sql.ts';
import { openStore, type Store } from '../store.ts';

interface Tables {
  notes: { id: number; body: string | null; bytes: Uint8Array };
  others: { id: number };
}

let server: PostgresServer;
let store: Store<Tables>;
beforeAll(async () => {
  server = await startPostgres({ wal_level: 'logical' });
  store = await openStore<Tables>({
    url: server.url,
    migrations: [
      {
        name: '001',
        up: 'create table notes (id int, body text, bytes bytea); create table others (id int)',
      },
    ],
  });
}, 60_000);
afterAll(async () => {
  await store.close();
  await server.close();
});

let told: LoggedTransaction[];
let ended: MeshError | undefined;
let ready: boolean;
let close: () => Promise<void>;
const follow = async (of: Store<Tables>): Promise<void> => {
  ready = false;
  ended = undefined;
  told = [];
  const following = of.insertLog?.follow({
    ...{ table: 'notes', name: 'weft_test' },
    onReady: () => {
      ready = true;
    },
    onInserts: (transaction) => told.push(transaction),
    onEnd: (error) => {
      ended = error;
    },
  });
  close = async () => following?.close();
  await eventually(() => ready || ended !== undefined);
};
beforeEach(() => follow(store));
afterEach(() => close());

const insert = (...ids: number[]): Promise<unknown> =>
  store.transaction(async (tx) => {
    for (const id of ids) {
      const row = { id, body: `note ${String(id)} ü`, bytes: new Uint8Array([0, 255, id]) };
      await tx.insertInto('notes').values(row).execute();
    }
  });

test('transactions are told whole, when they commit, in the order of their commits', async () => {
  const begun = Promise.withResolvers<undefined>();
  const commit = Promise.withResolvers<undefined>();
  const late = store.transaction(async (tx) => {
    await tx.insertInto('notes').values({ id: 1, body: null, bytes: new Uint8Array() }).execute();
    begun.resolve(undefined);
    await commit.promise;
  });
  await begun.promise;
  await insert(2, 3);
  await eventually(() => told.length === 1);
  commit.resolve(undefined);
  await late;
  await eventually(() => told.length === 2);
  expect(told.map(({ rows }) => rows)).toEqual([
    [
      { id: '2', body: 'note 2 ü', bytes: '\\x00ff02' },
      { id: '3', body: 'note 3 ü', bytes: '\\x00ff03' },
    ],
    [{ id: '1', body: null, bytes: '\\x' }],
  ]);
});

test('what is rolled back, changed, deleted or inserted elsewhere is not told', async () => {
  const attempt = store.transaction(async (tx) => {
    await tx.insertInto('notes').values({ id: 1, body: null, bytes: new Uint8Array() }).execute();
    throw new Error('after all not');
  });
  await expect(attempt).rejects.toThrow('after all not');
  await store.db.insertInto('others').values({ id: 1 }).execute();
  await insert(9);
  await store.db.updateTable('notes').set({ body: 'changed' }).execute();
  await store.db.deleteFrom('notes').execute();
  await insert(10);
  await eventually(() => told.length === 2);
  expect(told.flatMap(({ rows }) => rows.map(({ id }) => id))).toEqual(['9', '10']);
});

test('nothing is kept for who is away: the log of the server can be removed', async () => {
  await close();
  await eventually(async () => {
    const { rows } = await sql`select 1 from pg_replication_slots`.execute(store.db);
    return rows.length === 0;
  });
});

test('a connection that the server ends is told', async () => {
  await sql`select pg_terminate_backend(active_pid) from pg_replication_slots`.execute(store.db);
  await eventually(() => ended !== undefined);
  expect(ended).toMatchObject({ status: 'UNAVAILABLE' });
});

test('a server that keeps too little in its log says what to set', async () => {
  await close();
  const plain = await startPostgres();
  const other = await openStore<Tables>({ url: plain.url, migrations: [] });
  await follow(other);
  expect(ended).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'NO_INSERT_LOG' });
  expect(String(ended)).toContain('wal_level');
  await other.close();
  await plain.close();
}, 30_000);
