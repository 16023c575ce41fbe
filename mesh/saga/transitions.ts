/**
 * What becomes of a saga, as pure functions of what it is: no store, no clock, no calls. Whatever happens, it
 * is one of these, written in one transaction.
 */
import { retryDelayMs } from '../events/retry-delay.ts';
import { MeshError } from '../kernel/error.ts';
import type { Random } from '../kernel/random.ts';
import type { Saga } from './definition.ts';
import { failureOf, type Verdict, verdictOn } from './failure.ts';
import { directionOf, type HistoryEntry, openEntry, type SagaState } from './state.ts';
import { attemptsOf, type SagaFailure, type Step } from './step.ts';

/** When it is, and chance for the waits. */
export interface Moment {
  /** Wall ms. */
  readonly nowMs: number;
  readonly random: Random;
}

const defaultFaults = 5;
const defaultFirstMs = 250;
const defaultLongestMs = 30_000;

/** The step at which a saga stands; undefined at its end. Throws FAILED_PRECONDITION for one that is gone. */
export function stepAt<DB>(
  saga: Saga<DB>,
  { id, step }: Pick<SagaState, 'id' | 'step'>,
): Step<DB, unknown> | undefined {
  if (step === '') return undefined;
  const found = saga.steps[saga.places.get(step) ?? -1];
  if (found !== undefined) return found;
  throw new MeshError(
    `saga ${id} stands at the step "${step}", which ${saga.name} version ${String(saga.version)} does not have; bring the step back, or migrate`,
    { status: 'FAILED_PRECONDITION', reason: 'UNKNOWN_STEP' },
  );
}

/** The step is noted as begun, before anybody is asked. */
export function begun(state: SagaState, dueMs: number, nowMs: number): SagaState {
  if (openEntry(state) !== undefined) return { ...state, dueMs, waitsFor: undefined };
  const entry = { step: state.step, kind: directionOf(state), startedMs: nowMs } as const;
  const history = [...state.history, { ...entry, outcome: 'begun' as const }];
  return { ...state, history, attempts: 1, faults: 0, dueMs, waitsFor: undefined };
}

/** The step is done, either way; the next one comes. */
export function completed<DB>(
  saga: Saga<DB>,
  state: SagaState,
  data: unknown,
  { nowMs, outcome = 'done' }: { nowMs: number; outcome?: 'done' | 'skipped' },
): SagaState {
  const history = closed(state, outcome, nowMs);
  const through = { ...fresh({ ...state, history }), data };
  if (state.failure !== undefined) return { ...through, step: nextUndo(saga, history) };
  const place = saga.places.get(state.step);
  return { ...through, step: saga.steps[(place ?? saga.steps.length) + 1]?.name ?? '' };
}

/** A try has failed: again later, or back, or to a person. */
export function failed<DB>(
  saga: Saga<DB>,
  state: SagaState,
  thrown: unknown,
  { nowMs, random }: Moment,
): SagaState {
  const step = stepAt(saga, state);
  const verdict = verdictOn(thrown);
  const failure = failureOf(state.step, thrown);
  const tried = {
    ...state,
    attempts: Math.max(1, state.attempts),
    faults: verdict === 'world' ? state.faults : state.faults + 1,
    lastError: `${failure.reason}: ${failure.message}`,
  };
  const spent = tried.faults >= (step?.retry?.faults ?? defaultFaults);
  if (step !== undefined && state.failure === undefined) {
    const outcome = outcomeOf(step, state, verdict);
    const over = verdict === 'world' ? tried.attempts >= attemptsOf(step) : spent;
    if ((verdict === 'refusal' || over) && canGoBack(saga, state, outcome)) {
      return wentBack(saga, tried, { failure, outcome, nowMs });
    }
  }
  if (spent) return { ...tried, status: 'stuck', claimedBy: undefined, waitsFor: undefined };
  return postponed(saga, tried, nowMs + pauseMs(step, tried.attempts, { thrown, random }));
}

/** The wait after the n-th try; what the one who was asked says of it is heeded. */
function pauseMs<DB>(
  step: Step<DB, unknown> | undefined,
  n: number,
  { thrown, random }: { thrown: unknown; random: Random },
): number {
  const { firstMs = defaultFirstMs, longestMs = defaultLongestMs } = step?.retry ?? {};
  const { retryAfterMs = 0 } = MeshError.from(thrown).details;
  return Math.ceil(Math.max(retryDelayMs(n, { firstMs, longestMs }, random), retryAfterMs));
}

/** Left alone until then; not beyond its deadline, if that turns it back. */
export function postponed<DB>(saga: Saga<DB>, state: SagaState, dueMs: number): SagaState {
  return {
    ...state,
    claimedBy: undefined,
    waitsFor: undefined,
    dueMs: bounded(saga, state, dueMs),
  };
}

/** Left alone until what it waits for comes; at most until then. */
export function waiting<DB>(
  saga: Saga<DB>,
  state: SagaState,
  waitsFor: string,
  dueMs: number,
): SagaState {
  return { ...state, claimedBy: undefined, waitsFor, dueMs: bounded(saga, state, dueMs) };
}

/** The way back begins: only with what may have happened, the last first. */
export function wentBack<DB>(
  saga: Saga<DB>,
  state: SagaState,
  {
    failure,
    outcome,
    nowMs,
  }: { failure: SagaFailure; outcome: 'refused' | 'unknown'; nowMs: number },
): SagaState {
  const history = closed(state, outcome, nowMs);
  const back = { ...fresh({ ...state, history }), status: 'compensating', failure } as const;
  return { ...back, step: nextUndo(saga, history), lastError: state.lastError };
}

/** Its time is over and it can still go back: then it does. */
export function turnedByDeadline<DB>(saga: Saga<DB>, state: SagaState, nowMs: number): SagaState {
  const { deadlineMs, step, failure } = state;
  if (deadlineMs === undefined || nowMs < deadlineMs || step === '' || failure) return state;
  const outcome = openEntry(state) === undefined ? 'refused' : 'unknown';
  if (!canGoBack(saga, state, outcome)) return state;
  const message = `the saga's time (${String(saga.timeoutMs)} ms) was over before "${step}" was done`;
  const reason = 'SAGA_TIMEOUT';
  return wentBack(saga, state, { failure: { step, reason, message }, outcome, nowMs });
}

/**
 * Whether there is a way back: not after the pivot, and not while nobody knows whether a pivot happened
 * that cannot be taken back.
 */
export function canGoBack<DB>(
  saga: Saga<DB>,
  state: SagaState,
  outcome: 'refused' | 'unknown',
): boolean {
  const pivot = saga.steps.find((step) => step.pivot === true);
  if (pivot === undefined) return true;
  const passed = state.history.some(
    ({ step, kind, outcome: is }) =>
      step === pivot.name && kind === 'action' && (is === 'done' || is === 'skipped'),
  );
  if (passed) return false;
  return !(state.step === pivot.name && outcome === 'unknown' && pivot.compensate === undefined);
}

/**
 * A refusal of the first try says that nothing happened. After an earlier try whose end nobody knows, it may
 * only say that the first one had happened: then it is taken back.
 */
function outcomeOf<DB>(
  step: Step<DB, unknown>,
  { attempts }: SagaState,
  verdict: Verdict,
): 'refused' | 'unknown' {
  // A local step that failed was rolled back.
  if (step.kind === 'local') return 'refused';
  if (verdict !== 'refusal') return 'unknown';
  // A pivot that cannot be taken back is believed: its key makes the answer to a repetition the first one's.
  return attempts > 1 && !(step.pivot === true && step.compensate === undefined)
    ? 'unknown'
    : 'refused';
}

function bounded<DB>(saga: Saga<DB>, state: SagaState, dueMs: number): number {
  const { deadlineMs, failure } = state;
  if (deadlineMs === undefined || failure !== undefined || !canGoBack(saga, state, 'unknown')) {
    return dueMs;
  }
  return Math.min(dueMs, deadlineMs);
}

/** The last step that may have happened, can be taken back, and was not yet. */
function nextUndo<DB>(saga: Saga<DB>, history: readonly HistoryEntry[]): string {
  const undone = new Set(
    history
      .filter(({ kind, outcome }) => kind === 'compensation' && outcome !== 'begun')
      .map(({ step }) => step),
  );
  const next = history.findLast(
    ({ step, kind, outcome }) =>
      kind === 'action' &&
      (outcome === 'done' || outcome === 'unknown' || outcome === 'skipped') &&
      !undone.has(step) &&
      saga.steps[saga.places.get(step) ?? -1]?.compensate !== undefined,
  );
  return next?.step ?? '';
}

/** The history with the present step ended; a step that was not noted as begun is noted with its end. */
function closed(
  state: SagaState,
  outcome: Exclude<HistoryEntry['outcome'], 'begun'>,
  endedMs: number,
): readonly HistoryEntry[] {
  const open = openEntry(state);
  const entry = open ?? { step: state.step, kind: directionOf(state), startedMs: endedMs };
  const before = open === undefined ? state.history : state.history.slice(0, -1);
  const attempts = Math.max(1, state.attempts);
  const error = state.lastError === undefined ? {} : { error: state.lastError };
  return [...before, { ...entry, outcome, endedMs, attempts, ...error }];
}

/** Nothing is known yet of the step that comes. */
function fresh(state: SagaState): SagaState {
  return { ...state, attempts: 0, faults: 0, lastError: undefined, waitsFor: undefined };
}
