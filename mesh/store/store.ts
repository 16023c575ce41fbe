import { type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import { type Migration, migrate, type OpenedStore } from './migrate.ts';
import type { Store } from './port.ts';
import type { Durability } from './sqlite/connection.ts';
import { openSqlite } from './sqlite/store.ts';

export { isUniqueViolation } from './error.ts';
export type { Migration } from './migrate.ts';
export type { Dialect, Store } from './port.ts';

export interface OpenStoreOptions {
  /**
   * "sqlite:./orders.db" (relative to the working directory; the folder is made), "sqlite::memory:" (gone
   * with the process) or "postgres://user:password@host:5432/database".
   *
   * Processes of one host may share an SQLite file; processes of several hosts need PostgreSQL.
   */
  readonly url: string;
  /** Run in this order, each once in the life of the database. */
  readonly migrations: readonly Migration[];
  /**
   * SQLite only. "normal": a crash or kill of the process loses nothing that was committed; a power loss
   * may lose the last transactions, and never damages the file. "full": a power loss loses nothing either,
   * for one fsync per commit. Default "normal". Source: sqlite.org/pragma.html#pragma_synchronous.
   */
  readonly durability?: Durability;
  /**
   * SQLite only: longest wait for the lock of other processes, in ms; then UNAVAILABLE/STORE_BUSY. Also the
   * longest wait for the writers of this process before oneself, unless the caller brings a signal: then
   * that decides. Default 5000.
   */
  readonly lockTimeoutMs?: number;
  /** PostgreSQL only: most connections of this process. Default 10. */
  readonly connections?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

/**
 * Opens a database and brings it up to date. Throws INVALID_ARGUMENT/STORE_URL for a URL of another kind,
 * UNAVAILABLE/STORE_UNAVAILABLE when the database does not answer, FAILED_PRECONDITION/MIGRATION_CHANGED.
 */
export async function openStore<DB>(options: OpenStoreOptions): Promise<Store<DB>> {
  const { migrations, clock = systemClock, log = silentLog } = options;
  const opened = await openDatabase<DB>(options, log);
  try {
    await migrate(opened, migrations, { clock, log });
  } catch (thrown) {
    await opened.store.close();
    throw thrown;
  }
  return opened.store;
}

async function openDatabase<DB>(options: OpenStoreOptions, log: Log): Promise<OpenedStore<DB>> {
  const { url, clock = systemClock, random = systemRandom } = options;
  if (url.startsWith('sqlite:')) {
    const { durability = 'normal', lockTimeoutMs = 5000 } = options;
    const path = url.slice('sqlite:'.length);
    if (path !== '') return openSqlite({ path, durability, lockTimeoutMs, clock, random, log });
  }
  if (/^postgres(ql)?:\/\//.test(url)) {
    const { connections = 10 } = options;
    // Loaded by who needs it: the driver weighs more than all of this room.
    const { openPostgres } = await import('./postgres/store.ts');
    return openPostgres({ url, connections, clock, random, log });
  }
  // The URL may hold a password: only its scheme is quoted.
  throw new MeshError(
    `a store URL begins with "sqlite:" and a path, or with "postgres://"; this one begins with ${JSON.stringify(url.split(':', 1)[0])}`,
    { status: 'INVALID_ARGUMENT', reason: 'STORE_URL' },
  );
}
