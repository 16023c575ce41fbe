import { type ControlledTransaction, Kysely, sql, type Transaction } from 'kysely';
import { Pool, TypeOverrides, types } from 'pg';
import { aborted, type Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import { onAbort } from '../abort.ts';
import { isSerializationFailure } from '../error.ts';
import type { MigrationTables, OpenedStore } from '../migrate.ts';
import { runTransaction } from '../run-transaction.ts';
import { createScopes } from '../scope.ts';
import { postgresDialect } from './dialect.ts';
import { createInsertLog } from './insert-log.ts';

export interface PostgresOptions {
  readonly url: string;
  readonly connections: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

// How often a transaction is tried against deadlocks and serialization failures before its caller hears
// of them. The waits between are 10, 20, 40, 80 ms, give or take half.
const attempts = 5;
const firstRetryMs = 10;
// Nobody waits longer for an answer than a call lasts; what hangs must give its connection back.
const connectTimeoutMs = 5_000;
const statementTimeoutMs = 30_000;
// A process that was stopped in the middle of a transaction holds its locks no longer than this.
const idleInTransactionMs = 60_000;
// Any number that no other program on the database uses for advisory locks: "weft" in ASCII.
const migrationLock = 0x77656674;

/** PostgreSQL through a pool; transactions at its default level, READ COMMITTED. */
export function openPostgres<DB>(options: PostgresOptions): OpenedStore<DB> {
  const { log } = options;
  const pool = createPool(options);
  const scopes = createScopes();
  const dialect = postgresDialect(pool, log, () => {
    scopes.refuseNested('a transaction or write of its own');
  });
  const db = new Kysely<DB>({ dialect });
  const migrations = new Kysely<MigrationTables>({ dialect });
  let closing: Promise<void> | undefined;

  const transact = <D, T>(
    within: Kysely<D>,
    work: (tx: Transaction<D>) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    return retried(options, signal, async () => {
      const tx = await begin(within, signal);
      return runTransaction(tx, work, { scopes, log, signal });
    });
  };
  return {
    store: {
      dialect: 'postgres',
      db,
      transaction: async (work, signal) => transact(db, work, signal),
      // The server flushes concurrent commits together by itself (commit_delay: postgresql.org/docs, "WAL
      // configuration"), so works on connections of their own share the fsync, and a slow one holds up nobody.
      grouped: async (work, signal) => transact(db, work, signal),
      onCommit: (tx, task) => scopes.onCommit(tx, task),
      insertLog: createInsertLog(options),
      close: () => (closing ??= pool.end()),
    },
    migrate: (work) =>
      transact(migrations, async (tx) => {
        await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(tx);
        // Without parameters the driver sends a script as it is, however many statements it has.
        return work(tx, async (script) => {
          await sql.raw(script).execute(tx);
        });
      }),
  };
}

function createPool({ url, connections, log }: PostgresOptions): Pool {
  if (!URL.canParse(url)) {
    throw new MeshError(
      'the postgres URL cannot be read; it looks like "postgres://user:password@host:5432/database", with special characters of the password percent-encoded',
      { status: 'INVALID_ARGUMENT', reason: 'STORE_URL' },
    );
  }
  const pool = new Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
    pipeline: true,
    fallback_application_name: 'weft',
    types: numbers(),
  });
  // Both are thrown as uncaught exceptions when nobody listens: an idle connection that breaks, and one in
  // use that breaks between two statements (the pool listens only while a connection is idle).
  pool.on('error', (err) => {
    log.warn('an idle database connection broke; the pool opens another', { err });
  });
  pool.on('connect', (client) => {
    client.on('error', (err) => {
      log.debug('a database connection broke', { err });
    });
  });
  return pool;
}

/** Begins; a signal that aborts while the pool is exhausted ends the wait, and the late connection goes back. */
async function begin<D>(
  db: Kysely<D>,
  signal: AbortSignal | undefined,
): Promise<ControlledTransaction<D>> {
  if (signal === undefined) return db.startTransaction().execute();
  if (signal.aborted) throw aborted(signal, 'waiting for the database');
  const begun = db.startTransaction().execute();
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => {
      reject(aborted(signal, 'waiting for the database'));
      begun.then((tx) => tx.rollback().execute()).catch(() => undefined);
    });
    begun.then(resolve, reject).finally(forget);
  });
}

async function retried<T>(
  { clock, random }: PostgresOptions,
  signal: AbortSignal | undefined,
  transaction: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (thrown) {
      if (!isSerializationFailure(thrown) || attempt === attempts) throw thrown;
    }
    await clock.sleep(jitter(firstRetryMs * 2 ** (attempt - 1), 0.5, random), signal);
  }
}

/**
 * bigint and numeric as numbers, as SQLite gives them: count(*) is a bigint, and sum() of bigints a
 * numeric. The driver's default is text, because a number may be too small for them.
 */
function numbers(): TypeOverrides {
  const overrides = new TypeOverrides();
  overrides.setTypeParser(types.builtins.INT8, safeNumber);
  overrides.setTypeParser(types.builtins.NUMERIC, safeNumber);
  return overrides;
}

function safeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || Number.isSafeInteger(number)) return number;
  throw new RangeError(`${text} is beyond 2^53 and would lose digits as a number; read it as text`);
}
