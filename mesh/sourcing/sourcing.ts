import type { Events } from '../events/events.ts';
import { createBell } from '../kernel/bell.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { jitter, type Random, systemRandom } from '../kernel/random.ts';
import type { Image } from '../schema/image.ts';
import type { Kysely, Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { type Aggregate, streamOf } from './aggregate.ts';
import { type NewEvent, type RecordedEvent, type Upcast, upcast } from './event.ts';
import { type Loaded, load, snapshotDue, takeSnapshot } from './load.ts';
import { appendEvents, metaNow, readStream } from './log.ts';
import type { Projection, ProjectionOptions } from './projection.ts';
import { runProjection } from './run-projection.ts';
import { createWatermark } from './watermark.ts';

/** What event sourcing needs; an app gives all but `upcasts` by itself (`tools.sourcing`). */
export interface SourcingOptions<DB> {
  /** Opened with `sourcingMigrations` among its migrations. */
  readonly store: Store<DB>;
  /** Where events that the schema marks as such are published too. Default: nowhere. */
  readonly events?: Events<DB> | undefined;
  /** The compiled schema: which messages are events that travel. Needed with `events`. */
  readonly image?: Pick<Image, 'event'>;
  /** How types that are not written any more are read. Default: there are none. */
  readonly upcasts?: readonly Upcast[];
  /** The longest that what another process appended waits to be projected, in ms. Default 500. */
  readonly pollMs?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: Log;
}

/** What happens to an aggregate in that state; throws to refuse. */
export type Decide<DB, S> = (
  state: S,
  tx: Transaction<DB>,
) => readonly NewEvent[] | Promise<readonly NewEvent[]>;

/** The event-sourced aggregates of one service. */
export interface Sourcing<DB> extends Closeable {
  /** The state of a stream, as the database or the transaction sees it; of one without events, the initial one. */
  load<S>(db: Kysely<DB>, aggregate: Aggregate<S>, id: string): Promise<Loaded<S>>;
  /**
   * Adds events to a stream that stands at the expected version (0: none), and publishes those that travel,
   * all in `tx`; gives the new version. Throws ABORTED/VERSION_CONFLICT when somebody was faster.
   */
  append<S>(
    tx: Transaction<DB>,
    aggregate: Aggregate<S>,
    id: string,
    given: { readonly expected: number; readonly events: readonly NewEvent[] },
  ): Promise<number>;
  /**
   * Loads, decides and appends in one transaction, and does it again when somebody was faster; gives the state
   * after it. What `decide` throws passes.
   */
  decide<S>(aggregate: Aggregate<S>, id: string, decide: Decide<DB, S>): Promise<Loaded<S>>;
  /**
   * The same within a transaction of the caller's, as a handler has one: a conflict passes, and whoever began the
   * transaction begins again.
   */
  decideIn<S>(
    tx: Transaction<DB>,
    aggregate: Aggregate<S>,
    id: string,
    decide: Decide<DB, S>,
  ): Promise<Loaded<S>>;
  /** What happened to one aggregate, oldest first, as it was written. */
  history<S>(aggregate: Aggregate<S>, id: string): Promise<readonly RecordedEvent[]>;
  /** Begins to run a projection; it is closed with the rest. */
  project(projection: ProjectionOptions<DB>): Projection;
  /** All that this process runs. */
  readonly projections: readonly Projection[];
}

// Each try reads what the faster one wrote; more than a few in a row means a stream that everybody writes.
const attempts = 8;
const retryMs = 5;

/** Event sourcing over one database. Nothing runs before the first projection; `close` ends them all. */
export function createSourcing<DB>(options: SourcingOptions<DB>): Sourcing<DB> {
  const { store, clock = systemClock, random = systemRandom, log = silentLog } = options;
  const upcasters = new Map(options.upcasts?.map((each) => [each.typeName, each]));
  const news = createBell(clock);
  const append = createAppend(options, { upcasters, clock, wake: () => news.ring() });
  const running: (Projection & Closeable)[] = [];
  const decideIn: Sourcing<DB>['decideIn'] = async (tx, aggregate, id, decide) => {
    const loaded = await load(tx, aggregate, id, upcasters);
    const events = await decide(loaded.state, tx);
    if (events.length === 0) return loaded;
    const version = await append(tx, aggregate, id, { expected: loaded.version, events });
    return { state: folded(aggregate, loaded.state, { events, upcasters }), version };
  };
  return {
    load: (db, aggregate, id) => load(db, aggregate, id, upcasters),
    append,
    decideIn,
    async decide(aggregate, id, decide) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await store.transaction((tx) => decideIn(tx, aggregate, id, decide));
        } catch (thrown) {
          if (MeshError.from(thrown).reason !== 'VERSION_CONFLICT' || attempt === attempts) {
            throw thrown;
          }
        }
        await clock.sleep(jitter(retryMs * attempt, 0.5, random));
      }
    },
    history: (aggregate, id) =>
      readStream(store.db, streamOf(aggregate, id), 0, { limit: Number.MAX_SAFE_INTEGER }),
    project(projection) {
      const watermark = createWatermark(store);
      const { pollMs = 500 } = options;
      const parts = { store, watermark, upcasters, news, pollMs, clock, random, log };
      const opened = runProjection(parts, projection);
      running.push(opened);
      return opened;
    },
    projections: running,
    close: () => closeAll(running),
  };
}

function createAppend<DB>(
  { store, events: bus, image }: SourcingOptions<DB>,
  parts: {
    readonly upcasters: ReadonlyMap<string, Upcast>;
    readonly clock: Clock;
    readonly wake: () => void;
  },
): Sourcing<DB>['append'] {
  const { upcasters, clock, wake } = parts;
  const published = async (tx: Transaction<DB>, event: NewEvent): Promise<string | undefined> =>
    image?.event(event.typeName) === undefined ? undefined : bus && event.publish(bus, tx);
  return async (tx, aggregate, id, { expected, events }) => {
    if (events.length === 0) return expected;
    const stream = streamOf(aggregate, id);
    const said = [];
    for (const event of events) said.push({ event, meta: metaNow(await published(tx, event)) });
    await appendEvents(tx, { stream, expected, events: said }, { dialect: store.dialect, clock });
    const version = expected + events.length;
    if (snapshotDue(aggregate, expected, version)) {
      await takeSnapshot(tx, aggregate, stream, await load(tx, aggregate, id, upcasters));
    }
    store.onCommit(tx, wake);
    return version;
  };
}

/** What new events make of a state: as they will be read, so that nothing that is lost on the way is believed. */
function folded<S>(
  aggregate: Aggregate<S>,
  state: S,
  written: {
    readonly events: readonly NewEvent[];
    readonly upcasters: ReadonlyMap<string, Upcast>;
  },
): S {
  return written.events
    .flatMap(({ typeName, encode }) => upcast(written.upcasters, { typeName, data: encode() }))
    .reduce((before, event) => aggregate.fold(before, event), state);
}
