import type { Kysely, Transaction } from 'kysely';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { InsertLog } from './insert-log.ts';

/** Which SQL a store speaks. */
export type Dialect = 'sqlite' | 'postgres';

/**
 * The database of one service, embedded (SQLite) or shared (PostgreSQL), with the same promises:
 *
 * - What `transaction` resolved for is stored; what it rejected for has left no trace. The one exception is
 *   a connection that breaks during COMMIT (PostgreSQL): STORE_UNAVAILABLE then leaves the outcome open,
 *   so work must be safe to repeat.
 * - Everything thrown is a MeshError: ALREADY_EXISTS/UNIQUE_VIOLATION, FAILED_PRECONDITION/
 *   CONSTRAINT_VIOLATION, UNAVAILABLE/STORE_BUSY or STORE_UNAVAILABLE, RESOURCE_EXHAUSTED/STORE_FULL,
 *   ABORTED/SERIALIZATION_FAILURE or TRANSACTION_LOST, DATA_LOSS/STORE_CORRUPT, INTERNAL/STORE_ERROR. What the work itself
 *   throws passes unchanged.
 * - Integers come back as numbers. One beyond 2^53 is an error, not a wrong number: money is stored in
 *   minor units, which stay far below.
 */
export interface Store<DB> extends Closeable {
  /** Which database it is: what differs between the two is the caller's to know. */
  readonly dialect: Dialect;
  /** Single statements, each a transaction of its own. Reads see what is committed, nothing else. */
  readonly db: Kysely<DB>;
  /**
   * Runs `work` in one transaction and commits when it resolves. Inside, use `tx` alone: a second
   * transaction, or a write through `db`, would wait for the one it stands in and is refused with
   * FAILED_PRECONDITION/NESTED_TRANSACTION.
   *
   * PostgreSQL may run `work` again after a deadlock or serialization failure, and SQLite has one writer at
   * a time; so let `work` do SQL and nothing that is slow or cannot be undone.
   *
   * When `signal` aborts before COMMIT the transaction is rolled back at once, whether or not `work`
   * notices. The signal of the current context is not taken by itself, on purpose: work that has already
   * charged a card must be able to record it although its caller has left.
   */
  transaction<T>(work: (tx: Transaction<DB>) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * As `transaction`, for small works that come in crowds: works that wait at the same time run one after
   * another in one transaction and share its COMMIT, so a hundred of them cost one fsync. The promises are
   * the same: each is atomic by itself (one that throws or is aborted is undone alone, the others stand),
   * nothing resolves before the COMMIT is durable, and when that fails all fail with it. When the database
   * itself ends the transaction, those who shared it get UNAVAILABLE/GROUP_LOST.
   *
   * The price: a work waits for those of its group that come after it, up to 5 ms and one work more; so
   * work that waits for something else than SQL is better in `transaction`.
   */
  grouped<T>(work: (tx: Transaction<DB>) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /**
   * Runs `task` once `tx` has committed, and never if it rolled back. False when `tx` is not a running
   * transaction of this store's `transaction` or `grouped`: the task is then not kept. A task that throws is logged; the
   * commit stands.
   */
  onCommit(tx: Transaction<DB>, task: () => void): boolean;
  /** Tells what is inserted into tables as it is committed. PostgreSQL only. */
  readonly insertLog?: InsertLog;
}
