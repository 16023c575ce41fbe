import { type Bell, createBell } from '../kernel/bell.ts';
import type { Clock } from '../kernel/clock.ts';
import { runInContext } from '../kernel/context.ts';
import { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import { jitter, type Random } from '../kernel/random.ts';
import type { Store } from '../store/store.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import { graceMs } from './advance.ts';
import type { Saga } from './definition.ts';
import { drive } from './drive.ts';
import { claimDue, forgetEnded, type Records, stateOf } from './records.ts';
import { isOver, type SagaState } from './state.ts';
import { type SagaTable, sagaTables } from './tables.ts';

export interface RunnerOptions<DB> {
  readonly store: Store<DB>;
  readonly records: Records<DB>;
  readonly sagas: readonly Saga<DB>[];
  /** Unique among all processes. */
  readonly holder: string;
  /** Most sagas in hand at a time. */
  readonly concurrency: number;
  /** The longest that a saga which is due waits to be seen, in ms. */
  readonly pollMs: number;
  /** How long ended sagas are kept, in ms. */
  readonly keepMs: number;
  /** Rung with its id when a saga comes to rest in this process. */
  readonly rested: Bell;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly spans: SpanSink;
}

/** Works on the sagas of a service, together with the runners of its other instances. */
export interface Runner extends Closeable {
  /** Begins to look for what is due; never throws. */
  start(): void;
  /** Whether one more saga can be taken in hand now. */
  hasRoom(): boolean;
  /** Goes on at once with a saga that this process has claimed in a transaction that has committed. */
  adopt(saga: string, state: SagaState): void;
  /** Something may be due. */
  wake(): void;
  /** How the work on a saga in this process ends; undefined when it is not worked on here. */
  inHand(id: string): Promise<SagaState | undefined> | undefined;
  /** Stops looking, finishes what runs (at most `drainMs`), then gives it up: others go on with it. */
  close(): Promise<void>;
}

const drainMs = 10_000;
const cleaningMs = 60_000;
const outageMs = 1_000;
// Not all at once for one process when several have come back.
const claimLimit = 64;

export function createRunner<DB>(options: RunnerOptions<DB>): Runner {
  return new RunnerMachine(options);
}

class RunnerMachine<DB> implements Runner {
  readonly #options: RunnerOptions<DB>;
  readonly #byName: ReadonlyMap<string, Saga<DB>>;
  readonly #inHand = new Map<string, Promise<SagaState | undefined>>();
  readonly #news: Bell;
  readonly #looking = new AbortController();
  readonly #stop = new AbortController();
  readonly #leaseMs: number;
  #done: Promise<void> | undefined;
  #cleanAt = 0;
  // The last look has left something behind for want of room.
  #leftSome = false;

  constructor(options: RunnerOptions<DB>) {
    this.#options = options;
    this.#byName = new Map(options.sagas.map((saga) => [saga.name, saga]));
    this.#news = createBell(options.clock);
    this.#leaseMs = Math.max(...options.sagas.map((saga) => saga.longestTryMs)) + graceMs;
  }

  start(): void {
    this.#done ??= this.#run();
  }

  hasRoom(): boolean {
    const running = this.#done !== undefined && !this.#looking.signal.aborted;
    return running && this.#inHand.size < this.#options.concurrency;
  }

  adopt(name: string, state: SagaState): void {
    const saga = this.#byName.get(name);
    if (saga !== undefined) this.#take(saga, state);
  }

  wake(): void {
    this.#news.ring();
  }

  inHand(id: string): Promise<SagaState | undefined> | undefined {
    return this.#inHand.get(id);
  }

  async close(): Promise<void> {
    this.#looking.abort();
    const cancel = this.#options.clock.after(drainMs, () => {
      this.#stop.abort();
    });
    await this.#done;
    await Promise.all(this.#inHand.values());
    cancel();
  }

  async #run(): Promise<void> {
    const { random, pollMs, log } = this.#options;
    const { signal } = this.#looking;
    let failing = false;
    while (!signal.aborted) {
      // Listens before it looks, so that no news falls between the two.
      const withinMs = jitter(failing ? outageMs : pollMs, 0.2, random);
      const news = this.#news.heard({ withinMs, signal });
      try {
        this.#leftSome = await this.#look();
        if (this.#leftSome && this.hasRoom()) this.#news.ring();
        if (failing) log.info('sagas go on');
        failing = false;
      } catch (err) {
        // One line an outage, not one a look.
        if (!failing) log.warn('sagas wait: what is due cannot be read', { err });
        failing = true;
      }
      await news;
    }
  }

  /** One look for what is due; true when there may be more at once. */
  async #look(): Promise<boolean> {
    const { store, holder, clock, concurrency, sagas } = this.#options;
    const limit = Math.min(claimLimit, concurrency - this.#inHand.size);
    // Whoever ends looks again.
    if (limit <= 0) return true;
    const claim = { store, sagas, holder, leaseMs: this.#leaseMs, limit, clock };
    const rows = await claimDue(claim);
    for (const row of rows) await this.#claimed(row);
    if (rows.length === 0 && clock.monotonic() >= this.#cleanAt) {
      const more = await forgetEnded(store, clock.now() - this.#options.keepMs);
      this.#cleanAt = clock.monotonic() + (more ? 0 : cleaningMs);
    }
    return rows.length === limit;
  }

  async #claimed(row: SagaTable): Promise<void> {
    const saga = this.#byName.get(row.name);
    if (saga === undefined) return;
    try {
      this.#take(saga, stateOf(saga, row));
    } catch (thrown) {
      await this.#unreadable(row, thrown);
    }
  }

  /** Takes a saga in hand; what becomes of it is told by the bell. */
  #take(saga: Saga<DB>, state: SagaState): void {
    const { rested } = this.#options;
    const work = this.#drive(saga, state).finally(() => {
      if (this.#inHand.get(state.id) === work) this.#inHand.delete(state.id);
      rested.ring(state.id);
      if (this.#leftSome) this.#news.ring();
    });
    this.#inHand.set(state.id, work);
  }

  async #drive(saga: Saga<DB>, state: SagaState): Promise<SagaState | undefined> {
    const { log, clock } = this.#options;
    const fields = { saga: saga.name, id: state.id };
    const parts = { ...this.#options, wake: () => this.wake() };
    try {
      // Without the context of whoever started it: its caller's deadline is not the saga's.
      const { trace, baggage } = state;
      const after = await runInContext({ trace, baggage }, () =>
        drive(parts, saga, state, this.#stop.signal),
      );
      if (after.status === 'stuck') {
        log.error('a saga is stuck and needs a person', { ...fields, error: after.lastError });
      } else if (!isOver(after)) {
        this.#lookAt(after.dueMs);
        if (after.lastError !== undefined) {
          log.warn('a step of a saga failed; it is tried again', {
            ...{ ...fields, step: after.step, error: after.lastError },
            inMs: after.dueMs - clock.now(),
          });
        }
      }
      return after;
    } catch (err) {
      const { reason } = MeshError.from(err);
      if (reason === 'SAGA_LOST') log.debug('another process goes on with a saga', fields);
      else if (reason === 'UNKNOWN_STEP') await this.#unreadable(state, err);
      else log.warn('a saga cannot be written; it is taken up again', { ...fields, err });
      return undefined;
    }
  }

  /** What is due again before the next look is not left waiting for it. */
  #lookAt(dueMs: number): void {
    const { clock, pollMs } = this.#options;
    const inMs = dueMs - clock.now();
    if (inMs < pollMs) clock.after(Math.max(1, inMs), () => this.wake());
  }

  /** What no try can heal: data that are none, a step that is gone. */
  async #unreadable({ id }: Pick<SagaTable, 'id'>, thrown: unknown): Promise<void> {
    const { store, log } = this.#options;
    const { rawMessage } = MeshError.from(thrown);
    log.error('a saga cannot be read and needs a person', { id, err: thrown });
    await sagaTables(store.db)
      .updateTable('weft_saga')
      .set((of) => ({
        status: 'stuck' as const,
        last_error: rawMessage,
        claimed_by: null,
        revision: of('revision', '+', 1),
      }))
      .where('id', '=', id)
      .where('claimed_by', '=', this.#options.holder)
      .execute()
      .catch((err: unknown) => {
        log.warn('that could not be noted; it is taken up again', { id, err });
      });
  }
}
