import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type PostgresServer, startPostgres } from '../testing/postgres.ts';
import { storeContract } from '../testing/store-contract.ts';
import { sql } from './sql.ts';
import { openStore } from './store.ts';

let folder: string;
let postgres: PostgresServer;
let databases = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-store-'));
  postgres = await startPostgres();
}, 60_000);
afterAll(async () => {
  await postgres.close();
  await rm(folder, { recursive: true, force: true });
});

storeContract({
  name: 'SQLite on a file',
  features: { persistent: true },
  newDatabase: async () => `sqlite:${join(folder, `${String(++databases)}.db`)}`,
});

storeContract({
  name: 'SQLite in memory',
  features: { persistent: false },
  newDatabase: async () => 'sqlite::memory:',
});

storeContract({
  name: 'PostgreSQL',
  features: { persistent: true },
  newDatabase: async () => {
    const name = `test_${String(++databases)}`;
    const admin = await openStore({ url: postgres.url, migrations: [] });
    await sql`create database ${sql.id(name)}`.execute(admin.db);
    await admin.close();
    return postgres.url.replace(/[^/]+$/, name);
  },
});

test('a URL of another kind is refused without telling its password', async () => {
  const attempt = openStore({ url: 'mysql://root:hunter2@db/shop', migrations: [] });
  const thrown = await attempt.catch((error: unknown) => error);
  expect(thrown).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'STORE_URL' });
  expect(String(thrown)).not.toContain('hunter2');
});
