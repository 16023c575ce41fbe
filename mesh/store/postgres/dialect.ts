import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import type { Pool } from 'pg';
import type { Log } from '../../kernel/log.ts';
import { type ConnectionParts, PostgresConnection } from './connection.ts';
import { fromPostgres } from './error.ts';
import { createNames } from './names.ts';

/**
 * Kysely's PostgreSQL with a driver of its own: a transaction begins with its first statement, whoever waits
 * for its connection has that as soon as the COMMIT is on its way, and writes that come again are prepared.
 * Of the four packets of a small transaction two are left, and a third of what it costs the server.
 */
export function postgresDialect(pool: Pool, log: Log, beforeOwn: () => void): Dialect {
  // One list of names for all who use the pool: a connection knows each name once.
  const parts = { beforeOwn, names: createNames(log), crowded: () => pool.waitingCount > 0 };
  return {
    createDriver: () => createDriver(pool, parts),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

function createDriver(pool: Pool, parts: ConnectionParts): Driver {
  return {
    init: async () => undefined,
    async acquireConnection() {
      try {
        return new PostgresConnection(await pool.connect(), parts);
      } catch (thrown) {
        throw fromPostgres(thrown);
      }
    },
    beginTransaction: (it, settings) => own(it).begin(settings),
    commitTransaction: (it) => own(it).commit(),
    rollbackTransaction: (it) => own(it).rollBack(),
    releaseConnection: async (it) => {
      own(it).release();
    },
    destroy: () => pool.end(),
  };
}

function own(connection: DatabaseConnection): PostgresConnection {
  if (connection instanceof PostgresConnection) return connection;
  throw new TypeError('this connection is of another driver');
}
