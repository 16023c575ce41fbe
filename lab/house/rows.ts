import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export type Row = Readonly<Record<string, string | number | null>>;

/** Asks the database of a service past the service: what it says of itself is what is being doubted. */
export function rowsOf(
  root: string,
  service: string,
  { sql, args = [] }: { readonly sql: string; readonly args?: readonly string[] },
): readonly Row[] {
  const db = new DatabaseSync(join(root, `.run/data/${service}.db`), { readOnly: true });
  try {
    return db.prepare(sql).all(...args) as Row[];
  } finally {
    db.close();
  }
}
