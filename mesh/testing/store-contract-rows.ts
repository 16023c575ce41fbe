import { describe, expect, test } from '@jest/globals';
import { MeshError } from '../kernel/error.ts';
import { prepare } from '../store/prepared.ts';
import { type Generated, sql } from '../store/sql.ts';
import { isUniqueViolation, type Migration, type Store } from '../store/store.ts';

/** What a database can do; an honest difference is declared here, not hidden in a test. */
export interface StoreFeatures {
  /** What is committed outlives the store object; false for a database in memory. */
  readonly persistent: boolean;
}

export interface Tables {
  accounts: { name: string; minor_units: number };
  notes: { id: Generated<number>; body: Uint8Array | null };
}

export const accounts: Migration = {
  name: '001-accounts',
  up: `
    create table accounts (name text primary key, minor_units bigint not null);
    insert into accounts (name, minor_units) values ('a', 100), ('b', 0);
  `,
};
export const notes: Migration = {
  name: '002-notes',
  up: {
    sqlite: 'create table notes (id integer primary key autoincrement, body blob)',
    postgres: 'create table notes (id bigserial primary key, body bytea)',
  },
};

export interface RowContract {
  readonly name: string;
  readonly features: StoreFeatures;
  readonly newDatabase: () => Promise<string>;
  /** Opens with `accounts` and `notes` unless told otherwise. */
  readonly open: (url: string, migrations?: readonly Migration[]) => Promise<Store<Tables>>;
}

/** The half of the store's contract that is about rows: errors, values, and the tables they stand in. */
export function rowContract(contract: RowContract): void {
  const { name, features, newDatabase, open } = contract;
  const fresh = async (): Promise<Store<Tables>> => open(await newDatabase());

  describe(`${name}: errors`, () => {
    test('a key that is taken can be told from other errors', async () => {
      const store = await fresh();
      const attempt = store.db
        .insertInto('accounts')
        .values({ name: 'a', minor_units: 1 })
        .execute();
      const thrown = await attempt.catch((error: unknown) => error);
      expect(isUniqueViolation(thrown)).toBe(true);
      expect(thrown).toMatchObject({ status: 'ALREADY_EXISTS', reason: 'UNIQUE_VIOLATION' });
    });

    test('a broken rule of a table is the fault of the row', async () => {
      const store = await fresh();
      const attempt = sql`insert into accounts (name) values ('c')`.execute(store.db);
      await expect(attempt).rejects.toMatchObject({ reason: 'CONSTRAINT_VIOLATION' });
    });

    test('a refused statement is a MeshError whose message gives no SQL away', async () => {
      const store = await fresh();
      const attempt = sql`select * from secrets`.execute(store.db);
      const thrown = await attempt.catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(MeshError);
      expect(thrown).toMatchObject({ status: 'INTERNAL', reason: 'STORE_ERROR' });
      expect((thrown as MeshError).message).not.toContain('secrets');
      expect(String((thrown as MeshError).cause)).toContain('secrets');
    });
  });

  describe(`${name}: values`, () => {
    test('integers come back as numbers up to 2^53, also when counted or summed', async () => {
      const store = await fresh();
      await store.transaction((tx) => add(tx, 'b', Number.MAX_SAFE_INTEGER - 100));
      const row = await store.db
        .selectFrom('accounts')
        .select(({ fn }) => [fn.countAll().as('n'), fn.sum('minor_units').as('total')])
        .executeTakeFirstOrThrow();
      expect(row).toEqual({ n: 2, total: Number.MAX_SAFE_INTEGER });
    });

    test('an integer beyond 2^53 is an error, not a wrong number', async () => {
      const store = await fresh();
      await sql`update accounts set minor_units = 9007199254740993`.execute(store.db);
      await expect(balance(store.db, 'a')).rejects.toThrow();
    });

    test('bytes and null come back as they went in, with the key that was generated', async () => {
      const store = await fresh();
      const body = new Uint8Array([0, 255, 10]);
      const { id } = await store.db
        .insertInto('notes')
        .values({ body })
        .returning('id')
        .executeTakeFirstOrThrow();
      await store.db.insertInto('notes').values({ body: null }).execute();
      const rows = await store.db.selectFrom('notes').selectAll().orderBy('id').execute();
      expect(rows.map((row) => [row.id, row.body && [...row.body]])).toEqual([
        [id, [0, 255, 10]],
        [id + 1, null],
      ]);
    });

    test('a prepared statement runs with other parameters each time, inside and outside', async () => {
      const store = await fresh();
      const put = prepare(store.db, (db, it: { name: string; minorUnits: number }) =>
        db
          .insertInto('accounts')
          .values({ name: it.name, minor_units: it.minorUnits })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .returningAll(),
      );
      const raise = prepare(store.db, (db, it: { name: string; by: number }) =>
        db
          .updateTable('accounts')
          .set((row) => ({ minor_units: row('minor_units', '+', it.by) }))
          .where('name', '=', it.name),
      );
      const [first, second] = await store.transaction(async (tx) => [
        await put(tx, { name: 'c', minorUnits: 7 }),
        await put(tx, { name: 'c', minorUnits: 8 }),
      ]);
      expect(first).toEqual({ rows: [{ name: 'c', minor_units: 7 }], touched: 1 });
      expect(second).toEqual({ rows: [], touched: 0 });
      expect(await raise(store.db, { name: 'c', by: 3 })).toEqual({ rows: [], touched: 1 });
      expect(await raise(store.db, { name: 'nobody', by: 3 })).toEqual({ rows: [], touched: 0 });
      expect(await balance(store.db, 'c')).toBe(10);
    });

    test('a prepared statement that looks at a parameter is refused when it is built', async () => {
      const store = await fresh();
      const build = (): unknown =>
        prepare(store.db, (db, it: { name: string }) =>
          db.selectFrom('accounts').selectAll().where('name', '=', `the ${it.name}`),
        );
      expect(build).toThrow('looks at its parameter "name"');
    });

    test('a statement says how many rows it touched', async () => {
      const store = await fresh();
      const { numUpdatedRows } = await store.db
        .updateTable('accounts')
        .set({ minor_units: 7 })
        .executeTakeFirstOrThrow();
      expect(numUpdatedRows).toBe(2n);
    });
  });

  describe(`${name}: migrations`, () => {
    test('a migration that fails leaves the database as it was', async () => {
      const url = await newDatabase();
      const broken = { name: '003-broken', up: 'create table x (id integer); create tabel y' };
      await expect(open(url, [accounts, broken])).rejects.toMatchObject({ status: 'INTERNAL' });
      const store = await open(url, [accounts]);
      expect(await balance(store.db, 'a')).toBe(100);
      await expect(sql`select * from x`.execute(store.db)).rejects.toThrow();
    });

    test('two migrations of one name are refused', async () => {
      const twice = open(await newDatabase(), [accounts, accounts]);
      await expect(twice).rejects.toMatchObject({ reason: 'MIGRATION_TWICE' });
    });

    if (features.persistent) persistentMigrations(contract);
  });
}

function persistentMigrations({ newDatabase, open }: RowContract): void {
  test('each runs once in the life of the database', async () => {
    const url = await newDatabase();
    await (await open(url)).close();
    const store = await open(url);
    expect(await balance(store.db, 'a')).toBe(100);
  });

  test('several processes may open a new database at once', async () => {
    const url = await newDatabase();
    const stores = await Promise.all([open(url), open(url), open(url)]);
    for (const store of stores) expect(await balance(store.db, 'a')).toBe(100);
  });

  test('a migration that ran and reads differently now is refused', async () => {
    const url = await newDatabase();
    await open(url);
    const edited = { ...notes, up: 'create table notes (id integer)' };
    await expect(open(url, [accounts, edited])).rejects.toMatchObject({
      status: 'FAILED_PRECONDITION',
      reason: 'MIGRATION_CHANGED',
    });
  });

  test('an older version of a service starts on the database of a newer one', async () => {
    const url = await newDatabase();
    await open(url);
    const store = await open(url, [accounts]);
    expect(await balance(store.db, 'a')).toBe(100);
  });
}

type Db = Store<Tables>['db'];

export async function add(db: Db, name: string, minorUnits: number): Promise<void> {
  await db
    .updateTable('accounts')
    .set((row) => ({ minor_units: row('minor_units', '+', minorUnits) }))
    .where('name', '=', name)
    .execute();
}

export async function balance(db: Db, name: string): Promise<number> {
  const row = await db
    .selectFrom('accounts')
    .select('minor_units')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return row.minor_units;
}
