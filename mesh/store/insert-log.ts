import type { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';

/** A row as the log tells of it: by column, as text in PostgreSQL's own words (bytea as "\x…"). */
export type LoggedRow = Readonly<Record<string, string | null>>;

/** What one transaction inserted, in the order in which it did. */
export interface LoggedTransaction {
  /** Its number, as the database counts (32 bits). */
  readonly xid: number;
  readonly rows: readonly LoggedRow[];
}

export interface FollowOptions {
  readonly table: string;
  /** Of the publication, which is made if need be: lower-case letters, digits, "_"; at most 40. */
  readonly name: string;
  /** What is committed from now on will be told. */
  onReady(): void;
  /** Called at each commit that inserted rows, in the order of commits. */
  onInserts(transaction: LoggedTransaction): void;
  /**
   * It is over, but for `close`: UNAVAILABLE when the connection broke or the server ended it, FAILED_PRECONDITION/
   * NO_INSERT_LOG when the server is not set up for it, with what to set. Whatever was committed meanwhile is
   * not told; look into the table.
   */
  onEnd(error: MeshError): void;
}

/**
 * The database's own log, as it is written: no query looks for what is new. It remembers nothing for who was
 * away (docs/decisions/0015), so the table stays the truth.
 */
export interface InsertLog {
  /** Returns at once. */
  follow(options: FollowOptions): Closeable;
}
