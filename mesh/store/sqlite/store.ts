import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Kysely, type Transaction } from 'kysely';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import { storeError } from '../error.ts';
import { createGroups, type SharedTransaction } from '../group.ts';
import type { MigrationTables, OpenedStore } from '../migrate.ts';
import { runTransaction } from '../run-transaction.ts';
import { createScopes, type Scopes } from '../scope.ts';
import { type Durability, openConnection, type SqliteConnection } from './connection.ts';
import { isRead, type Lane, sqliteDialect } from './dialect.ts';
import { fromSqlite, isBusy } from './error.ts';
import { createWriter, type Writer } from './writer.ts';

export interface SqliteOptions {
  /** A path, or ":memory:". */
  readonly path: string;
  readonly durability: Durability;
  readonly lockTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

// A reader waits for a lock only while another process recovers or removes the log: rare and short.
const readerBusyMs = 20;
// Beyond this the log file is cut back to it after a checkpoint, so that one burst does not keep the disk.
const logSizeLimit = 64 * 1024 * 1024;

/**
 * SQLite in WAL mode. Reads outside of transactions have a connection of their own: on the writer's they
 * would see the uncommitted rows of whatever transaction awaits something at that moment. A database in
 * memory belongs to one connection, so there reads take turns with the writers.
 */
export async function openSqlite<DB>(options: SqliteOptions): Promise<OpenedStore<DB>> {
  const { path, log } = options;
  const inMemory = path === ':memory:';
  if (!inMemory) mkdirSync(dirname(path), { recursive: true });
  const connection = openConnection(path, 0);
  const writer = createWriter(connection, options);
  // Switching a new file to WAL takes a lock, and several processes may start at once.
  await writer.once((it) => {
    if (!inMemory) it.script('pragma journal_mode = wal');
    it.script(`pragma synchronous = ${options.durability}`);
    it.script(`pragma journal_size_limit = ${String(logSizeLimit)}`);
    // Read back: a file system without shared memory keeps another journal, and says nothing.
    log.info('opened SQLite', { path, ...pragmas(it, ['journal_mode', 'synchronous']) });
  });
  const reader = inMemory ? undefined : openReader(path);
  const scopes = createScopes();
  const lane = sqliteDialect(() => outsideLane({ writer, scopes, reader, ...options }));
  const outside = new Kysely<DB>({ dialect: lane });
  const transact = async <D, T>(
    within: Kysely<D>,
    work: (tx: Transaction<D>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    scopes.refuseNested('a second transaction');
    await writer.begin(signal);
    // This begins nothing: the lock was taken above, where it could honour the signal.
    const tx = await within.startTransaction().execute();
    return runTransaction(tx, work, { scopes, log, signal });
  };
  const inside = sqliteDialect(() => insideLane(writer));
  const transactions = new Kysely<DB>({ dialect: inside });
  const migrations = new Kysely<MigrationTables>({ dialect: inside });
  const begin = shareable<DB>(writer);
  return {
    store: {
      dialect: 'sqlite',
      db: outside,
      transaction: (work, signal) => transact(transactions, work, signal),
      // One writer, so one group.
      grouped: createGroups({ begin, groups: 1, scopes, ...options }),
      onCommit: (tx, task) => scopes.onCommit(tx, task),
      async close() {
        // A last turn: whatever is running ends first.
        await writer.once(() => undefined).catch(() => undefined);
        reader?.close();
        connection.close();
      },
    },
    migrate: (work) =>
      transact(migrations, (tx) => work(tx, async (script) => writer.script(script))),
  };
}

/** What the connection says of itself. synchronous: 1 is normal, 2 is full. */
function pragmas(it: SqliteConnection, names: readonly string[]): Record<string, unknown> {
  const rows = names.flatMap((name) => it.run<object>(`pragma ${name}`, []).rows);
  return Object.fromEntries(rows.flatMap((row) => Object.entries(row)));
}

function openReader(path: string): SqliteConnection {
  const reader = openConnection(path, readerBusyMs);
  reader.script('pragma query_only = on');
  return reader;
}

/** Statements inside the transaction that the writer has begun. */
function insideLane(writer: Writer): Lane {
  return {
    begin: async () => {},
    commit: () => writer.commit(),
    rollBack: () => writer.rollBack(),
    run: async ({ sql, parameters }) => writer.run(sql, parameters),
  };
}

/** Begins transactions whose parts are savepoints. */
function shareable<DB>(writer: Writer): () => Promise<SharedTransaction<DB>> {
  const parts = new Kysely<DB>({ dialect: sqliteDialect(() => partLane(writer)) });
  return async () => {
    await writer.begin();
    return {
      part: () => parts.startTransaction().execute(),
      commit: async () => writer.commit(),
      rollBack: async () => writer.rollBack(),
      get whole() {
        return writer.inTransaction;
      },
    };
  };
}

/** Statements of one part of a shared transaction: what was abandoned must not write into the next part. */
function partLane(writer: Writer): Lane {
  let over = false;
  const end = (...statements: readonly string[]): void => {
    if (over) return;
    over = true;
    for (const statement of statements) writer.run(statement, []);
  };
  return {
    begin: async () => {
      writer.run('savepoint weft_part', []);
    },
    commit: () => end('release weft_part'),
    rollBack: () => end('rollback to weft_part', 'release weft_part'),
    async run({ sql, parameters }) {
      if (over) throw storeError('TRANSACTION_LOST', 'its part is over', undefined);
      return writer.run(sql, parameters);
    },
  };
}

interface Outside {
  readonly writer: Writer;
  /** Absent in memory. */
  readonly reader: SqliteConnection | undefined;
  readonly scopes: Scopes;
  readonly clock: Clock;
  readonly random: Random;
}

/** Statements outside: reads go to the reader, everything else is a turn of the writer. */
function outsideLane(outside: Outside): Lane {
  const { writer, reader, scopes } = outside;
  const inside = insideLane(writer);
  let begun = false;
  return {
    // Kysely's own db.transaction() works too; only it has no signal and no onCommit.
    async begin() {
      scopes.refuseNested('a second transaction');
      await writer.begin();
      begun = true;
    },
    commit: () => inside.commit(),
    rollBack: () => inside.rollBack(),
    async run(query) {
      if (begun) return inside.run(query);
      const once = (it: SqliteConnection) => it.run<never>(query.sql, query.parameters);
      if (isRead(query) && reader !== undefined) return retryBusy(() => once(reader), outside);
      scopes.refuseNested(
        isRead(query) ? 'a read of a database in memory' : 'a write outside of it',
      );
      return writer.once(once);
    },
  };
}

/** A read is refused only for moments: three tries cover them without a queue. */
async function retryBusy<T>(work: () => T, { clock, random }: Outside): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return work();
    } catch (thrown) {
      if (!isBusy(thrown) || attempt === 3) throw fromSqlite(thrown);
    }
    await clock.sleep(jitter(readerBusyMs, 0.5, random));
  }
}
