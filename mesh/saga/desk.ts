import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Store } from '../store/store.ts';
import type { Saga } from './definition.ts';
import { notFound } from './outcome.ts';
import { pastOf, type Records, readRow, stateOf } from './records.ts';
import { type HistoryEntry, isOver, openEntry, type SagaState } from './state.ts';
import type { SagaFailure } from './step.ts';
import { type SagaStatus, type SagaTable, sagaTables } from './tables.ts';
import { canGoBack, completed, stepAt, wentBack } from './transitions.ts';

/** A saga as a person sees it. Times in wall ms. */
export interface SagaView {
  /** As `start` gave it. */
  readonly id: string;
  /** Of the saga, as "place-order". */
  readonly name: string;
  /** The version that its data are of. */
  readonly version: number;
  /** Whether it goes forward, goes back, is stuck, or how it ended. */
  readonly status: SagaStatus;
  /** Where it stands; empty at an end. */
  readonly step: string;
  /** Of the step at which it stands. */
  readonly attempts: number;
  /** Of its last try; empty when that went well. */
  readonly lastError: string;
  /** Why it goes back; undefined while it goes forward. */
  readonly failure: SagaFailure | undefined;
  /** "reply", "lock:<target>"; empty when it waits for nothing. */
  readonly waitsFor: string;
  /** Whether a process works on it. */
  readonly claimed: boolean;
  /** The next try, or the end of the wait. */
  readonly dueMs: number;
  /** When it was started. */
  readonly createdMs: number;
  /** When it last changed. */
  readonly updatedMs: number;
  /** What was done, oldest first. */
  readonly history: readonly HistoryEntry[];
}

/**
 * What a person tells a saga to do. "retry": now, whatever it waits for. "skip": the step is done, the person
 * has seen to it. "compensate": go back.
 */
export type SagaOrder = 'retry' | 'skip' | 'compensate';

/** What a person who looks after sagas can see and do. */
export interface SagaDesk {
  /** Those that are stuck, then those on their way, then, with `all`, those that have ended last. */
  list(wanted: { readonly all?: boolean; readonly limit: number }): Promise<readonly SagaView[]>;
  /** One saga; undefined where there is none of this id. */
  show(id: string): Promise<SagaView | undefined>;
  /** How many have not ended. */
  counts(): Promise<Readonly<Record<'running' | 'compensating' | 'stuck', number>>>;
  /**
   * NOT_FOUND/SAGA_NOT_FOUND; FAILED_PRECONDITION/SAGA_OVER for one that has ended, SAGA_IN_HAND for one that is
   * worked on at this moment, NO_WAY_BACK after the pivot.
   */
  steer(id: string, order: SagaOrder): Promise<SagaView>;
}

export interface DeskOptions<DB> {
  readonly store: Store<DB>;
  readonly records: Records<DB>;
  readonly sagas: readonly Saga<DB>[];
  readonly wake: () => void;
  readonly clock: Clock;
}

export function createDesk<DB>(options: DeskOptions<DB>): SagaDesk {
  const { store } = options;
  return {
    async list({ all = false, limit }) {
      // Three questions, each with an index of its own: those that have ended may be millions.
      const kinds: (readonly SagaStatus[])[] = [['stuck'], ['running', 'compensating']];
      if (all) kinds.push(['done', 'compensated']);
      const rows: SagaTable[] = [];
      for (const statuses of kinds) {
        const some = await sagaTables(store.db)
          .selectFrom('weft_saga')
          .selectAll()
          .where('status', 'in', statuses)
          .orderBy(statuses.includes('running') ? 'due_at' : 'updated_at', 'desc')
          .limit(limit - rows.length)
          .execute();
        rows.push(...some);
      }
      return rows.map(viewOf);
    },
    async show(id) {
      const row = await readRow(store.db, id);
      return row && viewOf(row);
    },
    async counts() {
      const counts = { running: 0, compensating: 0, stuck: 0 };
      // Each question by an index of its own; together they would look at every saga that has ended.
      for (const statuses of [['running', 'compensating'], ['stuck']] as const) {
        const rows = await sagaTables(store.db)
          .selectFrom('weft_saga')
          .select(({ fn }) => ['status', fn.countAll<number | string>().as('sagas')])
          .where('status', 'in', statuses)
          .groupBy('status')
          .execute();
        // PostgreSQL counts in 64 bits, which its driver gives as text.
        for (const { status, sagas } of rows) Object.assign(counts, { [status]: Number(sagas) });
      }
      return counts;
    },
    steer: (id, order) => steer(options, id, order),
  };
}

async function steer<DB>(
  { store, records, sagas, wake, clock }: DeskOptions<DB>,
  id: string,
  order: SagaOrder,
): Promise<SagaView> {
  const row = await store.transaction(async (tx) => {
    const found = await readRow(tx, id, store.dialect === 'postgres');
    const saga = sagas.find(({ name }) => name === found?.name);
    if (found === undefined || saga === undefined) throw notFound(id);
    const state = stateOf(saga, found);
    const nowMs = clock.now();
    checkIdle(state, nowMs);
    const next = steered(saga, state, order, nowMs);
    await records.save(tx, saga, { ...next, claimedBy: undefined, dueMs: nowMs });
    store.onCommit(tx, wake);
    return readRow(tx, id);
  });
  if (row === undefined) throw notFound(id);
  return viewOf(row);
}

function steered<DB>(
  saga: Saga<DB>,
  stopped: SagaState,
  order: SagaOrder,
  nowMs: number,
): SagaState {
  const status = stopped.failure === undefined ? 'running' : 'compensating';
  const state = { ...stopped, status, faults: 0, waitsFor: undefined } as const;
  if (order === 'retry') return state;
  if (order === 'skip') {
    if (stepAt(saga, state) === undefined) throw nothingToSkip(state.id);
    return completed(saga, state, state.data, { nowMs, outcome: 'skipped' });
  }
  const outcome = openEntry(state) === undefined ? 'refused' : 'unknown';
  if (state.failure !== undefined || state.step === '' || !canGoBack(saga, state, outcome)) {
    throw new MeshError(
      `saga ${state.id} cannot go back from "${state.step || 'its end'}"; retry it, or skip the step`,
      { status: 'FAILED_PRECONDITION', reason: 'NO_WAY_BACK' },
    );
  }
  const failure = { step: state.step, reason: 'BY_HAND', message: 'a person turned it back' };
  return wentBack(saga, state, { failure, outcome, nowMs });
}

function nothingToSkip(id: string): MeshError {
  return new MeshError(`saga ${id} stands at its end: mend what fails there, and retry it`, {
    status: 'FAILED_PRECONDITION',
    reason: 'NOTHING_TO_SKIP',
  });
}

function checkIdle(state: SagaState, nowMs: number): void {
  if (isOver(state) && state.status !== 'stuck') {
    throw new MeshError(`saga ${state.id} is over: it is ${state.status}`, {
      status: 'FAILED_PRECONDITION',
      reason: 'SAGA_OVER',
    });
  }
  if (state.claimedBy === undefined || state.dueMs <= nowMs) return;
  throw new MeshError(
    `saga ${state.id} is being worked on at this moment; ask again when it rests`,
    {
      status: 'FAILED_PRECONDITION',
      reason: 'SAGA_IN_HAND',
    },
  );
}

function viewOf(row: SagaTable): SagaView {
  return {
    ...{ id: row.id, name: row.name, version: row.version, status: row.status, step: row.step },
    ...{ attempts: row.attempts, lastError: row.last_error ?? '', waitsFor: row.waits_for ?? '' },
    ...{ claimed: row.claimed_by !== null, dueMs: row.due_at },
    ...{ createdMs: row.created_at, updatedMs: row.updated_at },
    ...pastOf(row),
  };
}
