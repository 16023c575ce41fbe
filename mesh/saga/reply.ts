import type { Transaction } from '../store/sql.ts';
import { graceMs } from './advance.ts';
import type { Saga } from './definition.ts';
import { verdictOn } from './failure.ts';
import { readRow, stateOf } from './records.ts';
import type { StartParts } from './start.ts';
import type { SagaState } from './state.ts';
import { completed, failed, type Moment } from './transitions.ts';

/** The answer to a step that waits for one: new data, or why there are none. */
export type Reply<T> = { readonly id: string; readonly step: string } & (
  | {
      /** The new data; throws a `refusal` when the answer is no. */
      change(data: T): T;
    }
  | {
      /** What whoever was asked threw, or that they did not answer: met as if the step itself had thrown it. */
      readonly error: unknown;
    }
);

/**
 * Writes the answer into the saga, in the caller's transaction: the message is marked as handled if and only
 * if the saga has it. What follows is done after the commit, so that a step which fails does not fail the
 * handler of the message.
 */
export async function takeReply<DB, T>(
  { store, records, runner, holder, clock, random }: StartParts<DB>,
  tx: Transaction<DB>,
  saga: Saga<DB, T>,
  reply: Reply<T>,
): Promise<'resumed' | 'late'> {
  const row = await readRow(tx, reply.id, store.dialect === 'postgres');
  if (row?.name !== saga.name) return 'late';
  if (row.step !== reply.step || row.waits_for !== 'reply') return 'late';
  // Of a newer version it throws: the message comes again, and then perhaps to an instance that knows it.
  const state = stateOf(saga, row);
  const nowMs = clock.now();
  const next = answered(saga, state, reply, { nowMs, random });
  // What failed is tried again in its time; everything else goes on at once, here if there is room.
  const rests =
    next.claimedBy === undefined && next.lastError !== undefined && next.failure === undefined;
  const mine = !rests && runner.hasRoom();
  const claim = mine
    ? { claimedBy: holder, dueMs: nowMs + graceMs }
    : { claimedBy: undefined, dueMs: rests ? next.dueMs : nowMs };
  const written = await records.save(tx, saga, { ...next, waitsFor: undefined, ...claim });
  // A transaction that was begun elsewhere does not tell its commit: then the lease runs out first.
  store.onCommit(tx, () => {
    if (mine) runner.adopt(saga.name, written);
    else runner.wake();
  });
  return 'resumed';
}

function answered<DB, T>(
  saga: Saga<DB, T>,
  state: SagaState,
  reply: Reply<T>,
  moment: Moment,
): SagaState {
  if ('error' in reply) return failed(saga, state, reply.error, moment);
  try {
    return completed(saga, state, reply.change(saga.data.check(state.data)), moment);
  } catch (thrown) {
    // Anything else is a fault of the handler, which is tried again as handlers are.
    if (verdictOn(thrown) !== 'refusal') throw thrown;
    return failed(saga, state, thrown, moment);
  }
}
