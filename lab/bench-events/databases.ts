import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { type Migration, openStore, type Store, sql } from '#mesh';
import { eventMigrations } from '../../mesh/events/migrations.ts';
import { type EventTables, eventTables } from '../../mesh/events/tables.ts';
import { startPostgres } from '../../mesh/testing/postgres.ts';
import type { BareOutbox, Row } from './bare.ts';
import { sampleMessages } from './messages.ts';
import { temporaryFolder } from './servers.ts';

/** What the handlers of the bench write: one row for each event. */
export interface EffectTables extends EventTables {
  bench_effect: { order_id: string; place: number };
}

/** A database with the tables of events, as weft opens it and as one would open it by hand. */
export interface Database {
  readonly name: string;
  readonly store: Store<EffectTables>;
  readonly bare: BareOutbox;
  /** What decides how much a commit promises, read back. */
  settings(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

const effects: Migration = {
  name: 'bench-effects',
  up: 'create table bench_effect (order_id text not null, place bigint not null)',
};
const migrations = [...eventMigrations, effects];

/** An SQLite file in WAL mode whose commits wait for the disk. */
export async function openSqliteDatabase(): Promise<Database> {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'bench.db');
  const store = await openStore<EffectTables>({
    ...{ url: `sqlite:${path}`, migrations, durability: 'full' },
  });
  const db = new DatabaseSync(path, { timeout: 5_000 });
  db.exec('pragma synchronous = full');
  const read = db.prepare(
    'select id, message_id, subject, headers, payload from weft_outbox where sent_at is null order by id limit ?',
  );
  const mark = db.prepare(
    'update weft_outbox set sent_at = ? where id in (select value from json_each(?))',
  );
  return {
    ...{ name: 'SQLite', store },
    bare: {
      read: async (limit) => read.all(limit) as unknown as Row[],
      async mark(ids) {
        mark.run(Date.now(), JSON.stringify(ids));
      },
    },
    async settings() {
      const ask = async (pragma: string): Promise<string> => {
        const { rows } = await sql.raw<object>(`pragma ${pragma}`).execute(store.db);
        return String(Object.values(rows[0] ?? {})[0]);
      };
      const said = [
        `journal_mode=${await ask('journal_mode')}`,
        `synchronous=${await ask('synchronous')}`,
      ];
      return { SQLite: `${said.join(', ')} (2 is FULL)` };
    },
    async close() {
      db.close();
      await store.close();
      await folder.close();
    },
  };
}

/** A PostgreSQL of the bench's own, whose commits wait for the disk. */
export async function openPostgresDatabase(): Promise<Database> {
  const server = await startPostgres({ fsync: 'on' });
  const store = await openStore<EffectTables>({
    ...{ url: server.url, migrations, connections: 32 },
  });
  const client = new Client({ connectionString: server.url });
  await client.connect();
  const show = async (name: string): Promise<string> => {
    const { rows } = await client.query<Record<string, string>>(`show ${name}`);
    return `${name}=${String(rows[0]?.[name])}`;
  };
  return {
    ...{ name: 'PostgreSQL', store },
    bare: {
      async read(limit) {
        const text =
          'select id, message_id, subject, headers, payload from weft_outbox where sent_at is null order by id limit $1';
        return (await client.query<Row>({ name: 'read', text, values: [limit] })).rows;
      },
      async mark(ids) {
        const text = 'update weft_outbox set sent_at = $1 where id = any($2::bigint[])';
        await client.query({ name: 'mark', text, values: [Date.now(), ids] });
      },
    },
    async settings() {
      const names = ['server_version', 'fsync', 'synchronous_commit'];
      const said: string[] = [];
      for (const name of names) said.push(await show(name));
      return { PostgreSQL: said.join(', ') };
    },
    async close() {
      await client.end();
      await store.close();
      await server.close();
    },
  };
}

/** Puts so many messages into an outbox that holds nothing else. */
export async function fill({ store }: Database, count: number): Promise<void> {
  const rows = sampleMessages(count).map(({ id, channel, subject, headers, data }) => ({
    ...{ message_id: id, channel, subject, payload: data, created_at: Date.now() },
    headers: JSON.stringify(headers),
  }));
  await store.transaction(async (tx) => {
    const db = eventTables<EffectTables>(tx);
    await db.deleteFrom('weft_outbox').execute();
    for (let from = 0; from < count; from += 500) {
      await db
        .insertInto('weft_outbox')
        .values(rows.slice(from, from + 500))
        .execute();
    }
  });
  if (store.dialect === 'postgres') await sql.raw('vacuum analyze weft_outbox').execute(store.db);
}
