import { MeshError } from '../kernel/error.ts';
import type { Status } from '../kernel/status.ts';

/** What can go wrong in a database, told apart by what a caller can do about it. */
export type StoreFault =
  | 'UNIQUE_VIOLATION'
  | 'CONSTRAINT_VIOLATION'
  | 'SERIALIZATION_FAILURE'
  | 'STORE_BUSY'
  | 'STORE_UNAVAILABLE'
  | 'STORE_FULL'
  | 'STORE_CORRUPT'
  | 'TRANSACTION_LOST'
  | 'STORE_ERROR';

interface Fault {
  readonly status: Status;
  readonly message: string;
  /** When a caller may come back, in ms: what passes by itself says so, and is not asked sooner. */
  readonly retryAfterMs?: number;
}

const faults: Record<StoreFault, Fault> = {
  UNIQUE_VIOLATION: {
    status: 'ALREADY_EXISTS',
    message: 'a row with this key exists already',
  },
  CONSTRAINT_VIOLATION: {
    status: 'FAILED_PRECONDITION',
    message: 'the row breaks a rule of its table',
  },
  SERIALIZATION_FAILURE: {
    status: 'ABORTED',
    message: 'the transaction ran into another one, again and again; try later',
  },
  STORE_BUSY: {
    status: 'UNAVAILABLE',
    message: 'another process holds the write lock of the database; try later',
    retryAfterMs: 500,
  },
  STORE_UNAVAILABLE: {
    status: 'UNAVAILABLE',
    message: 'the database cannot be reached; a commit that was under way may have happened',
    // A restart of PostgreSQL takes seconds, and so does a failover.
    retryAfterMs: 1000,
  },
  STORE_FULL: {
    status: 'RESOURCE_EXHAUSTED',
    message: 'the database has no room left; free disk space and try again',
    // Somebody has to make room first.
    retryAfterMs: 5000,
  },
  STORE_CORRUPT: {
    status: 'DATA_LOSS',
    message: 'the database file is damaged; restore it from a backup',
  },
  TRANSACTION_LOST: {
    status: 'ABORTED',
    message: 'an earlier error has ended this transaction; nothing of it is stored',
  },
  STORE_ERROR: {
    status: 'INTERNAL',
    message: 'the database refused a statement; its own words are in the cause',
  },
};

/**
 * The error of a fault. The database's own message stays in the cause: it quotes SQL and values, and this
 * message travels to callers.
 */
export function storeError(fault: StoreFault, code: string, cause: unknown): MeshError {
  const { status, message, retryAfterMs } = faults[fault];
  const details = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new MeshError(`${message} (${code})`, { status, reason: fault, details, cause });
}

/**
 * Whether a statement failed because a unique key is taken. In PostgreSQL the transaction is lost with it:
 * to go on in the same transaction, insert with `on conflict do nothing` instead.
 */
export function isUniqueViolation(thrown: unknown): boolean {
  return thrown instanceof MeshError && thrown.reason === 'UNIQUE_VIOLATION';
}

export function isSerializationFailure(thrown: unknown): boolean {
  return thrown instanceof MeshError && thrown.reason === 'SERIALIZATION_FAILURE';
}
