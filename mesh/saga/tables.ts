import type { Generated, Kysely } from '../store/sql.ts';

/**
 * Where a saga stands. "running" forward; "compensating" backward; "done" and "compensated" are ends; "stuck"
 * waits for a person.
 */
export type SagaStatus = 'running' | 'compensating' | 'done' | 'compensated' | 'stuck';

/** One saga through its whole life: every step of it is one guarded statement on one row. */
export interface SagaTable {
  id: string;
  name: string;
  /** The version of the definition that wrote `data`. */
  version: number;
  status: SagaStatus;
  /** The step that runs, waits, or comes next; empty at an end. */
  step: string;
  data: string;
  /** JSON: HistoryEntry[], at most two for each step. */
  history: string;
  /** JSON: SagaFailure; null as long as it goes forward. */
  failure: string | null;
  /** Tries of the step, those that a crash cut off counted. */
  attempts: number;
  /** Those that ended by an unexpected error. */
  faults: number;
  last_error: string | null;
  /** What it waits for: "reply", "lock:<target>"; null when it is worked on, or due for work. */
  waits_for: string | null;
  /** Left alone until then: somebody works on it, or it is not yet time to try again. Wall ms. */
  due_at: number;
  /** Who works on it; null: nobody. */
  claimed_by: string | null;
  /** Counted up by every write: a writer who was overtaken finds out. */
  revision: number;
  /** Wall ms; null: it has all the time. */
  deadline_at: number | null;
  created_at: number;
  updated_at: number;
  trace_id: string | null;
  span_id: string | null;
  /** The headers tracestate and baggage of what started it; null: it had none. */
  tracestate: string | null;
  baggage: string | null;
  /** The flags of its trace; null: the usual ones. */
  trace_flags: number | null;
}

/** Who holds what, against dirty reads. */
interface SagaLockTable {
  target: string;
  saga_id: string;
  taken_at: number;
}

/** Who waits for what another holds, in the order of the ids. */
interface SagaStashTable {
  id: Generated<number>;
  target: string;
  saga_id: string;
}

export interface SagaTables {
  weft_saga: SagaTable;
  weft_saga_lock: SagaLockTable;
  weft_saga_stash: SagaStashTable;
}

/**
 * The tables of this room in a database or transaction whose type is the service's: `sagaMigrations` made
 * them there, and the service's own type does not name them.
 */
export function sagaTables<DB>(db: Kysely<DB>): Kysely<SagaTables> {
  return db as unknown as Kysely<SagaTables>;
}
