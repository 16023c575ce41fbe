import { createHash } from 'node:crypto';
import type { CompiledQuery } from 'kysely';
import type { Log } from '../../kernel/log.ts';

/** The names under which the connections of one pool prepare statements, each once. */
export interface Names {
  /** False once a session has forgotten one. */
  readonly kept: boolean;
  /** The name of a statement that is to be prepared; undefined: it is sent as it is. */
  of(query: CompiledQuery): string | undefined;
  /** A session did not know a name that it was given: from now on nothing is prepared. */
  forgotten(): void;
}

// What comes a third time will come again: statements that are built by hand for one purpose do not.
const comesAgain = 3;
// A prepared statement costs the server some 10 KiB on each connection.
const mostNames = 100;
const mostCounted = 500;
const longestText = 4_096;
// What returns no rows, so that no migration can make the remembered plan unfit for its result: PostgreSQL
// would end the transaction with "cached plan must not change result type".
const writes = new Set(['InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode']);

/** Names for the writes that come again: parsing and planning one costs the server more than running it. */
export function createNames(log: Log): Names {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  let kept = true;
  const comes = (sql: string): number => {
    const count = (counts.get(sql) ?? 0) + 1;
    if (counts.size >= mostCounted) counts.clear();
    counts.set(sql, count);
    return count;
  };
  return {
    get kept() {
      return kept;
    },
    of({ sql, query }) {
      if (!kept) return undefined;
      const known = names.get(sql);
      if (known !== undefined) return known;
      if (!writes.has(query.kind) || 'returning' in query) return undefined;
      if (names.size === mostNames || sql.length > longestText) return undefined;
      if (comes(sql) < comesAgain) return undefined;
      counts.delete(sql);
      // By its text: behind a pooler two processes may share a session, and one must not run what the other meant.
      const name = `weft_${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`;
      names.set(sql, name);
      return name;
    },
    forgotten() {
      if (!kept) return;
      kept = false;
      log.warn(
        'PostgreSQL forgets prepared statements, as behind a pooler in transaction mode; they are not used any more, and writes cost more',
        { advice: 'with PgBouncer 1.21 or newer, set max_prepared_statements' },
      );
    },
  };
}
