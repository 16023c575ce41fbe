import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';

/** What a Kysely connection of SQLite does; the driver around it is the same for all of them. */
export interface Lane {
  begin(): Promise<void>;
  commit(): void;
  rollBack(): void;
  run<R>(query: CompiledQuery): Promise<QueryResult<R>>;
}

/**
 * Kysely over node:sqlite. Kysely's own SqliteDialect wants the shape of better-sqlite3 and one connection
 * behind one lock; here `newLane` decides for every acquired connection where its statements run.
 */
export function sqliteDialect(newLane: () => Lane): Dialect {
  return {
    createDriver: () => createDriver(newLane),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new LockFreeAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** Kysely would otherwise queue everything, reads too, behind one lock of its own. */
class LockFreeAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** True for what only reads, as far as Kysely can tell: raw SQL counts as a write. */
export function isRead(query: CompiledQuery): boolean {
  return SelectQueryNode.is(query.query);
}

const done = (): Promise<void> => Promise.resolve();

function createDriver(newLane: () => Lane): Driver {
  const lanes = new WeakMap<DatabaseConnection, Lane>();
  const laneOf = (connection: DatabaseConnection): Lane => {
    const lane = lanes.get(connection);
    if (lane === undefined) throw new Error('this connection belongs to another driver');
    return lane;
  };
  return {
    init: done,
    async acquireConnection() {
      const lane = newLane();
      const connection: DatabaseConnection = {
        executeQuery: (query) => lane.run(query),
        // A half-read stream would hold back the log of every other process; read pages with limit.
        streamQuery() {
          throw new Error('SQLite rows are not streamed here: read them in pages with limit');
        },
      };
      lanes.set(connection, lane);
      return connection;
    },
    beginTransaction: (connection) => laneOf(connection).begin(),
    commitTransaction: async (connection) => laneOf(connection).commit(),
    rollbackTransaction: async (connection) => laneOf(connection).rollBack(),
    releaseConnection: done,
    destroy: done,
  };
}
