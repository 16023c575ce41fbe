import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe } from '@jest/globals';
import { sql } from '../store/sql.ts';
import { type Migration, openStore, type Store } from '../store/store.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';

/** The database of the running test: new and empty but for the migrations. */
export interface TestDatabase<DB> {
  /** Opens it once more, as another instance of the service would; closed with the test. */
  open(): Promise<Store<DB>>;
}

/**
 * Runs the same tests on SQLite (a file, so that it can be opened twice) and on a real PostgreSQL: what
 * a service promises of its store it promises of both.
 */
export function onEachDatabase<DB>(
  migrations: readonly Migration[],
  tests: (database: TestDatabase<DB>) => void,
): void {
  describe('on SQLite', () => {
    let folder = '';
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'weft-store-'));
    });
    tests(openings(() => `sqlite:${join(folder, 'test.db')}`, migrations));
    afterEach(() => rm(folder, { recursive: true, force: true }));
  });

  describe('on PostgreSQL', () => {
    let server: PostgresServer;
    let databases = 0;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.close());
    const name = (): string => `test_${String(databases)}`;
    beforeEach(async () => {
      databases++;
      const store = await openStore<unknown>({ url: server.url, migrations: [] });
      await sql`create database ${sql.id(name())}`.execute(store.db);
      await store.close();
    });
    tests(openings(() => server.url.replace(/[^/]*$/, name()), migrations));
  });
}

function openings<DB>(url: () => string, migrations: readonly Migration[]): TestDatabase<DB> {
  const opened: Store<DB>[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  return {
    async open() {
      const store = await openStore<DB>({ url: url(), migrations });
      opened.push(store);
      return store;
    },
  };
}
