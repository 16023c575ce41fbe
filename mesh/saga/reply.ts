import { MeshError } from '../kernel/error.ts';
import type { Transaction } from '../store/sql.ts';
import { graceMs } from './advance.ts';
import type { Saga } from './definition.ts';
import { readRow, stateOf } from './records.ts';
import type { StartParts } from './start.ts';
import type { SagaState } from './state.ts';
import { completed, failed } from './transitions.ts';

/** The answer to a step that waits for one. */
export interface Reply<T> {
  readonly id: string;
  readonly step: string;
  /** The new data; throws a `refusal` when the answer is no. */
  change(data: T): T;
}

/**
 * Writes the answer into the saga, in the caller's transaction: the message is marked as handled if and only
 * if the saga has it. What follows is done after the commit, so that a step which fails does not fail the
 * handler of the message.
 */
export async function takeReply<DB, T>(
  { store, records, runner, holder, clock, random }: StartParts<DB>,
  tx: Transaction<DB>,
  saga: Saga<DB, T>,
  { id, step, change }: Reply<T>,
): Promise<'resumed' | 'late'> {
  const row = await readRow(tx, id, store.dialect === 'postgres');
  if (row?.name !== saga.name || row.version > saga.version) return 'late';
  const state = stateOf(saga, row);
  if (state.step !== step || state.waitsFor !== 'reply') return 'late';
  const nowMs = clock.now();
  let next: SagaState;
  try {
    next = completed(saga, state, change(saga.data.check(state.data)), { nowMs });
  } catch (thrown) {
    if (MeshError.from(thrown).status !== 'FAILED_PRECONDITION') throw thrown;
    next = failed(saga, state, thrown, { nowMs, random });
  }
  const mine = next.status !== 'stuck' && runner.hasRoom();
  const claim = mine
    ? { claimedBy: holder, dueMs: nowMs + graceMs }
    : { claimedBy: undefined, dueMs: nowMs };
  const written = await records.save(tx, saga, { ...next, waitsFor: undefined, ...claim });
  // A transaction that was begun elsewhere does not tell its commit: then the lease runs out first.
  store.onCommit(tx, () => {
    if (mine) runner.adopt(saga.name, written);
    else runner.wake();
  });
  return 'resumed';
}
