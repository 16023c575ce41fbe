import type { Bell } from '../kernel/bell.ts';
import { aborted, type Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Store } from '../store/store.ts';
import type { Saga } from './definition.ts';
import { readRow, stateOf } from './records.ts';
import type { Runner } from './runner.ts';
import type { SagaState } from './state.ts';
import type { SagaFailure } from './step.ts';

/** Where a saga has come to. */
export type SagaOutcome<T> =
  | { readonly status: 'done'; readonly data: T }
  /** All that may have happened is taken back. */
  | { readonly status: 'compensated'; readonly data: T; readonly failure: SagaFailure }
  /** A person has to look at it. */
  | { readonly status: 'stuck'; readonly data: T; readonly error: string }
  /** Only when it is asked for: a step has failed and comes again. */
  | {
      readonly status: 'postponed';
      readonly data: T;
      readonly error: string;
      /** Wall ms. */
      readonly dueMs: number;
    };

export interface OutcomeOptions {
  /** Ends the waiting, not the saga: rejects as CANCELLED or DEADLINE_EXCEEDED. */
  readonly signal?: AbortSignal;
  /** What to do when a step has failed and is tried again later. Default "wait". */
  readonly whenPostponed?: 'wait' | 'answer';
}

export interface OutcomeParts<DB> {
  readonly store: Store<DB>;
  readonly runner: Runner;
  readonly rested: Bell;
  readonly pollMs: number;
  readonly clock: Clock;
}

/** Waits for a saga that this process works on, or looks again and again for one of another process. */
export async function outcomeOf<DB, T>(
  { store, runner, rested, pollMs }: OutcomeParts<DB>,
  saga: Saga<DB, T>,
  id: string,
  { signal = new AbortController().signal, whenPostponed = 'wait' }: OutcomeOptions = {},
): Promise<SagaOutcome<T>> {
  const told = (state: SagaState): SagaOutcome<T> | undefined =>
    answer(saga, state, whenPostponed === 'answer');
  // Most are worked on here, and were started a moment ago: then nothing has to be read.
  const here = await untilAborted(runner.inHand(id), signal);
  const first = here && told(here);
  if (first !== undefined) return first;
  for (;;) {
    if (signal.aborted) throw aborted(signal, `waiting for saga ${id}`);
    const news = rested.heard({ key: id, withinMs: pollMs, signal });
    const row = await readRow(store.db, id);
    if (row === undefined) throw notFound(id);
    const outcome = told(stateOf(saga, row));
    if (outcome !== undefined) return outcome;
    await news;
  }
}

function answer<DB, T>(
  saga: Saga<DB, T>,
  { status, data: known, failure, lastError = '', claimedBy, waitsFor, dueMs }: SagaState,
  impatient: boolean,
): SagaOutcome<T> | undefined {
  const data = saga.data.check(known);
  if (status === 'done') return { status, data };
  if (status === 'stuck') return { status, data, error: lastError };
  if (status === 'compensated' && failure) return { status, data, failure };
  const postponed = claimedBy === undefined && waitsFor === undefined && lastError !== '';
  return impatient && postponed
    ? { status: 'postponed', data, error: lastError, dueMs }
    : undefined;
}

async function untilAborted<T>(
  work: Promise<T> | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  if (work === undefined || signal.aborted) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const onAbort = (): void => {
    resolve(undefined);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The error for an id that no saga has. */
export function notFound(id: string): MeshError {
  return new MeshError(`there is no saga "${id}" here; weft saga ls lists those there are`, {
    status: 'NOT_FOUND',
    reason: 'SAGA_NOT_FOUND',
  });
}
