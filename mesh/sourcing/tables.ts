import type { Generated, Kysely } from '../store/sql.ts';

/** What happened, for ever: rows are added and never changed. */
interface EventLogTable {
  /** Grows with every event of the database; rolled back transactions leave gaps. */
  position: Generated<number>;
  /** "<aggregate>/<id>". */
  stream: string;
  /** 1, 2, 3 ... within the stream, without gaps. */
  version: number;
  /** The full name of the message type. */
  type: string;
  data: Uint8Array;
  /** JSON: EventMeta. */
  meta: string;
  /** Wall ms. */
  recorded_at: number;
}

/** A shortcut: what a stream folds to at a version. May be deleted at any time. */
interface SnapshotTable {
  stream: string;
  version: number;
  /** The version of the state's own shape. */
  schema_version: number;
  state: string;
}

/** How far a projection has come. */
interface ProjectionTable {
  name: string;
  version: number;
  position: number;
}

export interface SourcingTables {
  weft_event_log: EventLogTable;
  weft_snapshot: SnapshotTable;
  weft_projection: ProjectionTable;
}

/**
 * The tables of this room in a database or transaction whose type is the service's: `sourcingMigrations` made
 * them there, and the service's own type does not name them.
 */
export function sourcingTables<DB>(db: Kysely<DB>): Kysely<SourcingTables> {
  return db as unknown as Kysely<SourcingTables>;
}
