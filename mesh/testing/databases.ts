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
  onEachDialect((urlOf) => {
    const opened: Store<DB>[] = [];
    tests({
      async open() {
        const store = await openStore<DB>({ url: await urlOf('test'), migrations });
        opened.push(store);
        return store;
      },
    });
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });
  });
}

/** Gives the URL of a database of the running test, which is empty when it is asked for first. */
export type UrlOf = (name: string) => Promise<string>;

/** The same for whole services, which open their databases themselves: several of a story, several instances of each. */
export function onEachDialect(tests: (urlOf: UrlOf) => void): void {
  describe('on SQLite', () => {
    let folder = '';
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'weft-store-'));
    });
    tests((name) => Promise.resolve(`sqlite:${join(folder, `${name}.db`)}`));
    afterEach(() => rm(folder, { recursive: true, force: true }));
  });

  describe('on PostgreSQL', () => {
    let server: PostgresServer;
    const made = new Map<string, Promise<string>>();
    let tested = 0;
    beforeAll(async () => {
      server = await startPostgres();
    });
    afterAll(() => server.close());
    beforeEach(() => {
      made.clear();
      tested++;
    });
    tests((name) => {
      const url = made.get(name) ?? create(server, `${name}_${String(tested)}`);
      made.set(name, url);
      return url;
    });
  });
}

async function create({ url }: PostgresServer, name: string): Promise<string> {
  const store = await openStore<unknown>({ url, migrations: [] });
  await sql`create database ${sql.id(name)}`.execute(store.db);
  await store.close();
  return url.replace(/[^/]*$/, name);
}
