import type { CompiledQuery } from 'kysely';

/** The name of a statement that is to be prepared on its connection, once for all times that it is run there. */
export type Names = (query: CompiledQuery) => string | undefined;

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
export function createNames(): Names {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  return ({ sql, query }) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (!writes.has(query.kind) || 'returning' in query) return undefined;
    if (names.size === mostNames || sql.length > longestText) return undefined;
    const count = (counts.get(sql) ?? 0) + 1;
    if (count < comesAgain) {
      if (counts.size === mostCounted) counts.clear();
      counts.set(sql, count);
      return undefined;
    }
    counts.delete(sql);
    const name = `weft_${String(names.size + 1)}`;
    names.set(sql, name);
    return name;
  };
}
