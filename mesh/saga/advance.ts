import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import type { Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import type { Saga } from './definition.ts';
import { leaveLine, releaseLocks, takeLocks } from './locks.ts';
import type { Records } from './records.ts';
import { directionOf, openEntry, type SagaState } from './state.ts';
import { type Step, type StepContext, timeoutOf } from './step.ts';
import {
  begun,
  completed,
  failed,
  stepAt,
  turnedByDeadline,
  waiting,
  wentBack,
} from './transitions.ts';

/** What the writing of a saga needs. */
export interface AdvanceParts<DB> {
  readonly store: Store<DB>;
  readonly records: Records<DB>;
  /** Others wait for what this saga held: look for what is due. */
  readonly wake: () => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** How long a worker may be late with what it learned before another one takes over, in ms. */
export const graceMs = 5_000;

const defaultLockTimeoutMs = 30_000;

/** What a step in the database threw: its transaction is lost, and what came before it has to be kept. */
class StepFailed extends Error {
  readonly place: string;

  constructor(place: string, cause: unknown) {
    super('a step in the database failed', { cause });
    this.place = place;
  }
}

/**
 * Writes a change of a saga, and in the same transaction all that can follow without leaving the database:
 * local steps, messages to be sent, the end. Stops where somebody has to be called, with the intent noted, or
 * where it has to wait. If a local step throws, it is written again up to that step, with the failure. Sagas
 * that are written at the same moment share a COMMIT.
 */
export async function advance<DB>(
  parts: AdvanceParts<DB>,
  saga: Saga<DB>,
  state: SagaState,
  change: (state: SagaState) => SagaState,
): Promise<SagaState> {
  const failures = new Map<string, unknown>();
  for (;;) {
    try {
      return await parts.store.grouped(async (tx) => {
        const next = await settle({ ...parts, tx, saga, failures }, change(state));
        return parts.records.save(tx, saga, next);
      });
    } catch (thrown) {
      if (!(thrown instanceof StepFailed) || failures.has(thrown.place)) throw thrown;
      failures.set(thrown.place, thrown.cause);
    }
  }
}

interface Writing<DB> extends AdvanceParts<DB> {
  readonly tx: Transaction<DB>;
  readonly saga: Saga<DB>;
  /** What is known to fail, by place: not tried again in this transaction. */
  readonly failures: ReadonlyMap<string, unknown>;
}

/** Goes on until it has to wait for something outside of the database. */
async function settle<DB>(writing: Writing<DB>, from: SagaState): Promise<SagaState> {
  const { saga, clock } = writing;
  let state = from;
  while (state.claimedBy !== undefined) {
    const turned = turnedByDeadline(saga, state, clock.now());
    if (turned !== state && state.waitsFor !== undefined) await leaveLine(writing.tx, state.id);
    state = turned;
    const step = stepAt(saga, state);
    const known = writing.failures.get(placeOf(state));
    if (known !== undefined) state = failed(saga, state, known, moment(writing));
    else if (step === undefined) state = await end(writing, state);
    else if (state.failure === undefined) state = await forward(writing, state, step);
    else state = await backward(writing, state, step);
    const open = openEntry(state);
    if (open !== undefined && state.claimedBy !== undefined && isCall(saga, state)) break;
  }
  return state;
}

/** Whether the half of the step that is meant is done by asking somebody. */
function isCall<DB>(saga: Saga<DB>, state: SagaState): boolean {
  return stepAt(saga, state)?.kind === 'call';
}

async function forward<DB>(
  writing: Writing<DB>,
  state: SagaState,
  step: Step<DB, unknown>,
): Promise<SagaState> {
  const { saga, tx, clock } = writing;
  const nowMs = clock.now();
  if (step.lock !== undefined && openEntry(state) === undefined) {
    const parked = await locked(writing, state, step);
    if (parked !== undefined) return parked;
  }
  const timeoutMs = timeoutOf(step);
  switch (step.kind) {
    case 'call':
      return begun(state, nowMs + timeoutMs + graceMs, nowMs);
    case 'ask': {
      const sent = begun(state, nowMs + timeoutMs, nowMs);
      await within(sent, () => step.send(tx, sent.data, contextOf(sent)));
      return waiting(saga, sent, 'reply', sent.dueMs);
    }
    case 'local': {
      const data = await within(state, () => step.action(tx, state.data, contextOf(state)));
      return completed(saga, state, data, { nowMs });
    }
  }
}

async function backward<DB>(
  { saga, tx, clock }: Writing<DB>,
  state: SagaState,
  step: Step<DB, unknown>,
): Promise<SagaState> {
  const nowMs = clock.now();
  if (step.kind === 'call') return begun(state, nowMs + timeoutOf(step) + graceMs, nowMs);
  await within(state, async () => step.compensate?.(tx, state.data, contextOf(state)));
  return completed(saga, state, state.data, { nowMs });
}

/** What stands in the way of the locks of a step; undefined when they are held. */
async function locked<DB>(
  { saga, tx, store, clock }: Writing<DB>,
  state: SagaState,
  step: Step<DB, unknown>,
): Promise<SagaState | undefined> {
  const nowMs = clock.now();
  const targets = [step.lock?.(state.data) ?? []].flat();
  const taking = await takeLocks(tx, {
    ...{ dialect: store.dialect, sagaId: state.id, targets, nowMs },
  });
  if (taking.kind === 'held') return undefined;
  const { kind, target } = taking;
  const waited = state.waitsFor !== undefined;
  if (kind === 'waits' && !waited) {
    const dueMs = nowMs + (step.lockTimeoutMs ?? defaultLockTimeoutMs);
    return waiting(saga, state, `lock:${target}`, dueMs);
  }
  await leaveLine(tx, state.id);
  const failure =
    kind === 'deadlock'
      ? { reason: 'SAGA_DEADLOCK', message: `the saga that holds "${target}" waits for this one` }
      : { reason: 'SAGA_LOCK_TIMEOUT', message: `another saga kept "${target}" for too long` };
  return wentBack(saga, state, {
    failure: { step: step.name, ...failure },
    outcome: 'refused',
    nowMs,
  });
}

/** All is through: the hook, the locks, and the last status. */
async function end<DB>(writing: Writing<DB>, state: SagaState): Promise<SagaState> {
  const { saga, store, tx, wake, clock } = writing;
  const context = contextOf(state);
  const { failure } = state;
  await within(state, async () =>
    failure === undefined
      ? saga.onDone?.(tx, state.data, context)
      : saga.onCompensated?.(tx, state.data, { ...context, failure }),
  );
  if (saga.locks && (await releaseLocks(tx, state.id, clock.now()))) store.onCommit(tx, wake);
  const status = failure === undefined ? 'done' : 'compensated';
  return { ...state, status, claimedBy: undefined, waitsFor: undefined };
}

/** Runs what may fail by itself. What the database is to blame for passes: the store tries that again. */
async function within<T>(state: SagaState, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (isOfStore(thrown)) throw thrown;
    throw new StepFailed(placeOf(state), thrown);
  }
}

const storeReasons = new Set([
  'SERIALIZATION_FAILURE',
  'STORE_UNAVAILABLE',
  'STORE_BUSY',
  'GROUP_LOST',
]);

function isOfStore(thrown: unknown): boolean {
  return storeReasons.has(MeshError.from(thrown).reason ?? '');
}

function placeOf(state: SagaState): string {
  return `${directionOf(state)} ${state.step}`;
}

/** What a step is told of the saga it belongs to. */
export function contextOf(state: SagaState): StepContext {
  const { id, step, attempts, failure, trace } = state;
  const key = failure === undefined ? `${id}/${step}` : `${id}/${step}/undo`;
  return { sagaId: id, key, attempt: Math.max(1, attempts), failure, trace };
}

function moment<DB>({ clock, random }: Writing<DB>): { nowMs: number; random: Random } {
  return { nowMs: clock.now(), random };
}
