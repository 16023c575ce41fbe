import type { Clock } from '../kernel/clock.ts';
import { currentContext } from '../kernel/context.ts';
import { MeshError } from '../kernel/error.ts';
import { type Random, sortableId } from '../kernel/random.ts';
import type { Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { graceMs } from './advance.ts';
import type { Saga } from './definition.ts';
import { type Records, readRow, rowOf } from './records.ts';
import type { Runner } from './runner.ts';
import type { SagaState } from './state.ts';
import { timeoutOf } from './step.ts';
import { begun } from './transitions.ts';

export interface StartParts<DB> {
  readonly store: Store<DB>;
  readonly records: Records<DB>;
  readonly runner: Runner;
  readonly holder: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Start<T> {
  /** Unique among the sagas of the database, as the id of what it is about. Default: one that sorts by time. */
  readonly id?: string;
  readonly data: T;
}

/**
 * Writes the row of a new saga into the caller's transaction, and goes on with it after the commit. Where the
 * first step is a call, the row says already that it has begun: so starting costs no transaction of its own.
 */
export async function startSaga<DB, T>(
  parts: StartParts<DB>,
  tx: Transaction<DB>,
  saga: Saga<DB, T>,
  { id = sortableId(parts.clock.now(), parts.random), data }: Start<T>,
): Promise<{ readonly id: string; readonly started: boolean }> {
  const { store, runner, holder, clock } = parts;
  const nowMs = clock.now();
  const idle = newState(saga, { id, data, nowMs });
  let state: SagaState = idle;
  let inserted = false;
  const goOn = (): void => {
    if (inserted) runner.adopt(saga.name, state);
  };
  // Only a transaction of this store tells its commit; without that, or without room, it is due for anybody.
  if (runner.hasRoom() && store.onCommit(tx, goOn)) {
    const [first] = saga.steps;
    const mine = { ...idle, claimedBy: holder, dueMs: nowMs + graceMs };
    const calls = first?.kind === 'call' && first.lock === undefined;
    state = calls ? begun(mine, nowMs + timeoutOf(first) + graceMs, nowMs) : mine;
  } else {
    store.onCommit(tx, () => runner.wake());
  }
  inserted = await parts.records.insert(tx, rowOf(saga, state, nowMs));
  if (!inserted) await checkSame(tx, saga.name, id);
  return { id, started: inserted };
}

function newState<DB, T>(
  saga: Saga<DB, T>,
  { id, data, nowMs }: { id: string; data: T; nowMs: number },
): SagaState {
  const [first] = saga.steps;
  const { trace, baggage } = currentContext();
  return {
    ...{ id, name: saga.name, status: 'running', step: first?.name ?? '', data, history: [] },
    ...{ failure: undefined, attempts: 0, faults: 0, lastError: undefined, waitsFor: undefined },
    ...{ dueMs: nowMs, claimedBy: undefined, revision: 1, createdMs: nowMs },
    deadlineMs: saga.timeoutMs === undefined ? undefined : nowMs + saga.timeoutMs,
    trace,
    baggage,
  };
}

async function checkSame<DB>(tx: Transaction<DB>, name: string, id: string): Promise<void> {
  const row = await readRow(tx, id);
  if (row === undefined || row.name === name) return;
  throw new MeshError(
    `the id "${id}" belongs to a saga "${row.name}"; give the one of "${name}" another, as "${name}/${id}"`,
    { status: 'ALREADY_EXISTS', reason: 'SAGA_ID_TAKEN' },
  );
}
