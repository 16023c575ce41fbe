import type { Compilable, CompiledQuery, Kysely } from 'kysely';

/** What a statement came to. */
export interface Outcome<Row> {
  /** What it selected or returned. */
  readonly rows: readonly Row[];
  /** How many rows it inserted, updated, deleted or read. */
  readonly touched: number;
}

/** A statement that is built already; runs it in `db`, a store's or a transaction's, with these parameters. */
export type Prepared<DB, Parameters, Row> = (
  db: Kysely<DB>,
  parameters: Parameters,
) => Promise<Outcome<Row>>;

/**
 * Builds a statement once, for one that runs for every request: building and compiling costs twice what SQLite
 * needs to run it. `build` is called with a stand-in for each parameter, and may do nothing with it but hand
 * it to Kysely as a value; what it decides otherwise, it decides for all times. Throws when it looks at one.
 *
 *     const rename = prepare(store.db, (db, it: { id: string; name: string }) =>
 *       db.updateTable('people').set({ name: it.name }).where('id', '=', it.id));
 *     const { touched } = await rename(tx, { id, name });
 *
 * A list ("in") is as long as its parameters, so statements with one cannot be prepared.
 */
export function prepare<DB, Parameters extends object, Row>(
  db: Kysely<DB>,
  build: (db: Kysely<DB>, parameters: Parameters) => Compilable<Row>,
): Prepared<DB, Parameters, Row> {
  // The one place where stand-ins pass for values: Kysely carries values and never opens them.
  const standIns = new Proxy({}, { get: (_, name) => new StandIn(name) }) as Parameters;
  const compiled = build(db, standIns).compile();
  const slots = compiled.parameters.map((value) =>
    value instanceof StandIn ? (value.name as keyof Parameters) : { constant: value },
  );
  return async (within, parameters) => {
    const values = slots.map((slot) =>
      typeof slot === 'object' ? slot.constant : parameters[slot],
    );
    const query: CompiledQuery<Row> = { ...compiled, parameters: values };
    const { rows, numAffectedRows } = await within.executeQuery(query);
    // A database that returned rows need not count them as well.
    return { rows, touched: Number(numAffectedRows ?? rows.length) };
  };
}

/** Stands where the value of a parameter will stand. */
class StandIn {
  readonly name: PropertyKey;

  constructor(name: PropertyKey) {
    this.name = name;
  }

  [Symbol.toPrimitive](): never {
    throw new Error(
      `a prepared statement looks at its parameter "${String(this.name)}"; hand it to Kysely as a value and nothing else`,
    );
  }
}
