import { MeshError } from '../kernel/error.ts';
import { checkToken } from '../kernel/names.ts';
import type { DataCodec } from '../schema/data-codec.ts';
import type { Transaction } from '../store/sql.ts';
import { type SagaFailure, type Step, type StepContext, timeoutOf } from './step.ts';

/** What a saga is, for `defineSaga`; `T` are the data that it carries from step to step. */
export interface SagaOptions<DB, T> {
  /** Unique among the sagas of the service, as "place-order". One token (kernel/names.ts). */
  readonly name: string;
  /** Counted up when old data need `migrate`, or old instances must not run the new ones. Default 1. */
  readonly version?: number;
  /** How its data are kept in the database, as `jsonData(schema)` or `messageData(Type)`. */
  readonly data: DataCodec<T>;
  /**
   * Data of an older version as data of this one; checked like all data. Default: they are taken as they are.
   * Steps are found by name: a saga that stands at a step which is gone is stuck, not lost.
   */
  migrate?(old: unknown, version: number): unknown;
  /** In the order in which they run. */
  readonly steps: readonly Step<DB, T>[];
  /**
   * How long it may take until the pivot is done, in ms; then it goes back. Default: as long as it takes.
   * A pivot that has begun, and that has no compensation, is waited for: nobody knows whether it happened.
   */
  readonly timeoutMs?: number;
  /** The end, in the transaction that notes it: what it publishes is published once. */
  onDone?(tx: Transaction<DB>, data: T, context: StepContext): Promise<void>;
  /** The end of a saga that went back, in the transaction that notes it. */
  onCompensated?(
    tx: Transaction<DB>,
    data: T,
    context: StepContext & { readonly failure: SagaFailure },
  ): Promise<void>;
}

/** A saga as it is run. Its functions take the data that its own codec gave. */
export interface Saga<DB, T = unknown> extends SagaOptions<DB, T> {
  readonly version: number;
  /** The place of a step by its name. */
  readonly places: ReadonlyMap<string, number>;
  /** The longest that one try of any step lasts, in ms. */
  readonly longestTryMs: number;
  /** Whether any step takes a lock: those that take none pay for none. */
  readonly locks: boolean;
}

/**
 * Says what a saga does. Throws INVALID_ARGUMENT/INVALID_SAGA for one that could not keep its promise: steps
 * without a name of their own, two pivots, a lock or a compensation that would be needed after the pivot.
 */
export function defineSaga<DB, T>(options: SagaOptions<DB, T>): Saga<DB, T> {
  const { name, steps, version = 1 } = options;
  checkToken(name, 'a saga');
  for (const step of steps) checkToken(step.name, `a step of the saga ${name}`);
  const places = new Map(steps.map((step, place) => [step.name, place]));
  if (steps.length === 0) throw invalid(name, 'it needs a step');
  if (places.size < steps.length) throw invalid(name, 'two of its steps share a name');
  if (!Number.isSafeInteger(version) || version < 1) throw invalid(name, 'a version is 1 or more');
  checkPivot(name, steps);
  const longestTryMs = Math.max(...steps.map(timeoutOf));
  const locks = steps.some((step) => step.lock !== undefined);
  return { ...options, version, places, longestTryMs, locks };
}

function checkPivot<DB, T>(name: string, steps: readonly Step<DB, T>[]): void {
  const pivots = steps.filter((step) => step.pivot === true);
  if (pivots.length > 1) throw invalid(name, 'it can have one pivot');
  const [pivot] = pivots;
  if (pivot === undefined) return;
  for (const step of steps.slice(steps.indexOf(pivot) + 1)) {
    if (step.compensate !== undefined) {
      throw invalid(name, `"${step.name}" is after the pivot: nothing there is ever compensated`);
    }
    if (step.lock !== undefined) {
      throw invalid(name, `"${step.name}" takes a lock after the pivot, and could not give way`);
    }
  }
}

function invalid(name: string, why: string): MeshError {
  return new MeshError(`the saga ${name} cannot be: ${why}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_SAGA',
  });
}
