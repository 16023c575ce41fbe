import type { QueryResult } from 'kysely';
import type { Clock } from '../../kernel/clock.ts';
import type { MeshError } from '../../kernel/error.ts';
import { jitter, type Random } from '../../kernel/random.ts';
import { storeError } from '../error.ts';
import type { SqliteConnection } from './connection.ts';
import { fromSqlite, isBusy } from './error.ts';
import { createTurns } from './turns.ts';

/**
 * The one connection of this process that writes. Writers of the process take turns here; between
 * processes the file lock of BEGIN IMMEDIATE decides. That lock is asked for without SQLite's own busy
 * timeout, which would block the event loop: a refusal is answered with a short sleep and another try.
 */
export interface Writer {
  /** Begins a transaction; ended by `commit` or `rollBack`. */
  begin(signal?: AbortSignal): Promise<void>;
  /** Whether a transaction runs; false too when SQLite itself has ended it. */
  readonly inTransaction: boolean;
  /** A statement of the running transaction. */
  run<R>(sql: string, parameters: readonly unknown[]): QueryResult<R>;
  /** A script of several statements, in the running transaction. */
  script(sql: string): void;
  /** Throws when SQLite refuses; the transaction is then still to be rolled back. */
  commit(): void;
  rollBack(): void;
  /** Does something on the connection as a turn of its own, outside of any transaction. */
  once<T>(work: (connection: SqliteConnection) => T): Promise<T>;
}

export interface WriterOptions {
  /** Longest wait for the lock of other processes, and without a signal for one's turn, in ms. */
  readonly lockTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

// Several processes on one file: the gap in which one leaves it to the others is 1 ms (turns.ts).
const shortestRetryMs = 1;
const longestRetryMs = 4;

export function createWriter(connection: SqliteConnection, options: WriterOptions): Writer {
  const { lockTimeoutMs, clock } = options;
  const turns = createTurns(clock);
  let endTurn = (): void => undefined;

  const inTurn = async <T>(attempt: () => T, signal?: AbortSignal): Promise<T> => {
    endTurn = await turns.take(lockTimeoutMs, signal);
    try {
      return await untilUnlocked(attempt, options, signal);
    } catch (thrown) {
      endTurn();
      throw thrown;
    }
  };
  return {
    begin: (signal) =>
      inTurn(() => {
        connection.script('begin immediate');
      }, signal),
    get inTransaction() {
      return connection.inTransaction;
    },
    run(sql, parameters) {
      // After some errors SQLite has rolled back by itself; the next statement would be a transaction of
      // its own, and outlive the rollback.
      if (!connection.inTransaction) throw transactionLost();
      return mapped(() => connection.run(sql, parameters));
    },
    script(sql) {
      mapped(() => {
        connection.script(sql);
      });
    },
    commit() {
      if (!connection.inTransaction) throw transactionLost();
      mapped(() => {
        connection.script('commit');
      });
      endTurn();
    },
    rollBack() {
      try {
        if (connection.inTransaction) connection.script('rollback');
      } finally {
        endTurn();
      }
    },
    async once(work) {
      const result = await inTurn(() => work(connection));
      endTurn();
      return result;
    },
  };
}

async function untilUnlocked<T>(
  attempt: () => T,
  { lockTimeoutMs, clock, random }: WriterOptions,
  signal?: AbortSignal,
): Promise<T> {
  const end = clock.monotonic() + lockTimeoutMs;
  for (let waitMs = shortestRetryMs; ; waitMs = Math.min(2 * waitMs, longestRetryMs)) {
    try {
      return attempt();
    } catch (thrown) {
      if (!isBusy(thrown) || clock.monotonic() >= end) throw fromSqlite(thrown);
    }
    await clock.sleep(jitter(waitMs, 0.5, random), signal);
  }
}

function mapped<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw fromSqlite(thrown);
  }
}

function transactionLost(): MeshError {
  return storeError('TRANSACTION_LOST', 'SQLite rolled it back', undefined);
}
