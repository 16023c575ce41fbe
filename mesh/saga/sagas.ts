import { createBell } from '../kernel/bell.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import type { Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { noSpans, type SpanSink } from '../telemetry/spans.ts';
import type { Saga } from './definition.ts';
import { createDesk, type SagaDesk } from './desk.ts';
import { holderOf } from './locks.ts';
import { type OutcomeOptions, outcomeOf, type SagaOutcome } from './outcome.ts';
import { createRecords } from './records.ts';
import { type Reply, takeReply } from './reply.ts';
import { createRunner } from './runner.ts';
import { type Start, startSaga } from './start.ts';

/** Numbers of the runner; the defaults are meant to be kept. */
export interface SagaTuning {
  /** Most sagas of this process in hand at a time; those that wait or pause are not counted. Default 256. */
  readonly concurrency?: number;
  /** The longest that a saga of another process waits to be taken up when that one is gone, in ms. Default 500. */
  readonly pollMs?: number;
  /** How long ended sagas are kept, in ms. Default 7 days. */
  readonly keepMs?: number;
}

/** What a process needs to run sagas; an app gives all of it by itself (`tools.sagas`). */
export interface SagasOptions<DB> extends SagaTuning {
  /** Opened with `sagaMigrations` among its migrations. */
  readonly store: Store<DB>;
  /** All that this process can run. Sagas that others have started in the same database are left to them. */
  readonly sagas: readonly Saga<DB>[];
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: Log;
  /** Receives a span for each try of a step that calls somebody. */
  readonly spans?: SpanSink;
}

/** The sagas of one service. */
export interface Sagas<DB> extends Closeable {
  /**
   * Starts a saga if, and only if, `tx` commits. Started twice under one id it runs once: `started` is false
   * the second time. The default id is one of 26 characters that sorts by time. ALREADY_EXISTS/SAGA_ID_TAKEN:
   * a saga of another name has that id.
   */
  start<T>(
    tx: Transaction<DB>,
    saga: Saga<DB, T>,
    given: Start<T>,
  ): Promise<{ readonly id: string; readonly started: boolean }>;
  /**
   * Waits until a saga is over, whichever process works on it. NOT_FOUND/SAGA_NOT_FOUND, FAILED_PRECONDITION/SAGA_NEWER.
   */
  outcome<T>(saga: Saga<DB, T>, id: string, options?: OutcomeOptions): Promise<SagaOutcome<T>>;
  /**
   * The answer to an `askStep`, in the transaction of whoever heard it. "late": the saga does not wait for it
   * (any more); what the answer says is then taken back by the step's compensation. FAILED_PRECONDITION/SAGA_NEWER:
   * a newer version of the code waits for it; let the error end the handler, so that the message comes again.
   */
  reply<T>(tx: Transaction<DB>, saga: Saga<DB, T>, reply: Reply<T>): Promise<'resumed' | 'late'>;
  /** Which saga holds a target, for those who would read what is half done: its id. */
  holderOf(tx: Transaction<DB>, target: string): Promise<string | undefined>;
  /** For the person who looks after them. */
  readonly desk: SagaDesk;
  /** Begins to take up what is due; never throws. */
  run(): void;
  /** Stops taking up, finishes what is in hand (at most 10 s); the rest goes on elsewhere, or later. */
  close(): Promise<void>;
}

const day = 24 * 3600 * 1000;

/** Runs the sagas of one service, from `run()` on; what is started before waits for it. */
export function createSagas<DB>(options: SagasOptions<DB>): Sagas<DB> {
  const { store, sagas, clock = systemClock, random = systemRandom, log = silentLog } = options;
  const { concurrency = 256, pollMs = 500, keepMs = 7 * day, spans = noSpans } = options;
  checkNames(sagas);
  const holder = random.hex(8);
  const records = createRecords(store, clock);
  const rested = createBell(clock);
  const runner = createRunner({
    ...{
      store,
      records,
      sagas,
      holder,
      concurrency,
      pollMs,
      keepMs,
      rested,
      clock,
      random,
      log,
      spans,
    },
  });
  const wake = (): void => {
    runner.wake();
  };
  const parts = { store, records, runner, holder, rested, pollMs, wake, clock, random };
  return {
    start: (tx, saga, given) => startSaga(parts, tx, saga, given),
    outcome: (saga, id, wanted) => outcomeOf(parts, saga, id, wanted),
    reply: (tx, saga, reply) => takeReply(parts, tx, saga, reply),
    holderOf,
    desk: createDesk({ store, records, sagas, wake, clock }),
    run() {
      runner.start();
    },
    close: () => runner.close(),
  };
}

function checkNames<DB>(sagas: readonly Saga<DB>[]): void {
  const names = new Set(sagas.map(({ name }) => name));
  if (names.size > 0 && names.size === sagas.length) return;
  const given = sagas.map(({ name }) => name).join(', ');
  throw new MeshError(`sagas need names of their own; these are: ${given || 'none'}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_SAGA',
  });
}
