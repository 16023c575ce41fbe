import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { QueryResult } from 'kysely';
import { MeshError } from '../../kernel/error.ts';
import { fromSqlite } from './error.ts';

/** How much a commit promises, in SQLite's words (PRAGMA synchronous). */
export type Durability = 'normal' | 'full';

/** One connection of node:sqlite. All calls are synchronous; what they throw is mapped by the callers. */
export interface SqliteConnection {
  /** True between BEGIN and COMMIT; false too when SQLite itself rolled back (disk full, I/O error). */
  readonly inTransaction: boolean;
  run<R>(sql: string, parameters: readonly unknown[]): QueryResult<R>;
  /** Runs a script of several statements; `run` would silently stop after the first. */
  script(sql: string): void;
  close(): void;
}

interface Prepared {
  readonly statement: StatementSync;
  readonly reads: boolean;
}

// Preparing costs as much as running a small statement, and a service has a few dozen of them.
const statementsKept = 256;

export function openConnection(path: string, busyTimeoutMs: number): SqliteConnection {
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  } catch (thrown) {
    throw fromSqlite(thrown);
  }
  const statements = new Map<string, Prepared>();
  const prepare = (sql: string): Prepared => {
    let prepared = statements.get(sql);
    if (prepared === undefined) {
      const statement = db.prepare(sql);
      prepared = { statement, reads: statement.columns().length > 0 };
      const [oldest] = statements.keys();
      if (statements.size >= statementsKept && oldest !== undefined) statements.delete(oldest);
      statements.set(sql, prepared);
    }
    return prepared;
  };
  return {
    get inTransaction() {
      return db.isTransaction;
    },
    run<R>(sql: string, parameters: readonly unknown[]): QueryResult<R> {
      const { statement, reads } = prepare(sql);
      const values = parameters.map(bindable);
      // What the columns hold is what the caller's table type says; nobody can check it here.
      if (reads) return { rows: statement.all(...values) as R[] };
      const { changes, lastInsertRowid } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    },
    script: (sql) => {
      db.exec(sql);
    },
    close() {
      statements.clear();
      if (db.isOpen) db.close();
    },
  };
}

/**
 * What node:sqlite can bind. It takes an object in the first place for named parameters and then binds
 * nothing, without an error: so everything unknown is refused here.
 */
function bindable(value: unknown, index: number): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'bigint' || value instanceof Uint8Array) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw new MeshError(
    `parameter ${String(index + 1)} of a statement is ${describeType(value)}; SQLite stores text, numbers, bytes and null: turn it into one of them`,
    { status: 'INVALID_ARGUMENT', reason: 'STORE_PARAMETER' },
  );
}

function describeType(value: unknown): string {
  return typeof value === 'object' ? (value?.constructor.name ?? 'an object') : typeof value;
}
