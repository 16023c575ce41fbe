import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  isAbortedTransactionError,
  PostgresAdapter,
  PostgresDriver,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SelectQueryNode,
} from 'kysely';
import type { Pool } from 'pg';
import { storeError } from '../error.ts';
import { fromPostgres } from './error.ts';

/**
 * Kysely's own PostgreSQL dialect, with every error turned into a MeshError where it leaves the driver.
 * `beforeOwn` is called before what would be a transaction of its own: a write outside of one, or a BEGIN.
 */
export function postgresDialect(pool: Pool, beforeOwn: () => void): Dialect {
  return {
    createDriver: () => mapErrors(new PostgresDriver({ pool }), beforeOwn),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  };
}

function mapErrors(driver: Driver, beforeOwn: () => void): Driver {
  const inner = new WeakMap<DatabaseConnection, DatabaseConnection>();
  const begun = new WeakSet<DatabaseConnection>();
  const unwrap = (connection: DatabaseConnection) => inner.get(connection) ?? connection;
  return {
    init: () => mapped(driver.init()),
    async acquireConnection() {
      const connection = await mapped(driver.acquireConnection());
      const wrapped: DatabaseConnection = {
        async executeQuery(query) {
          if (!begun.has(wrapped) && !SelectQueryNode.is(query.query)) beforeOwn();
          return mapped(connection.executeQuery(query));
        },
        streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
      };
      inner.set(wrapped, connection);
      return wrapped;
    },
    async beginTransaction(it, settings) {
      beforeOwn();
      await mapped(driver.beginTransaction(unwrap(it), settings));
      begun.add(it);
    },
    commitTransaction: (it) => mapped(driver.commitTransaction(unwrap(it))),
    rollbackTransaction: (it) => mapped(driver.rollbackTransaction(unwrap(it))),
    releaseConnection: (it) => mapped(driver.releaseConnection(unwrap(it))),
    destroy: () => mapped(driver.destroy()),
  };
}

async function mapped<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    // COMMIT answered ROLLBACK: the work swallowed the error of a statement.
    if (isAbortedTransactionError(thrown)) throw storeError('TRANSACTION_LOST', 'COMMIT', thrown);
    throw fromPostgres(thrown);
  }
}
