import { retryDelayMs } from '../events/retry-delay.ts';
import type { Bell } from '../kernel/bell.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import type { Transaction } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { type RecordedEvent, type Upcast, upcast } from './event.ts';
import { readLog } from './log.ts';
import {
  type Projection,
  type ProjectionOptions,
  type Projector,
  projectorsOf,
} from './projection.ts';
import { sourcingTables } from './tables.ts';
import type { Watermark } from './watermark.ts';

export interface ProjectionParts<DB> {
  readonly store: Store<DB>;
  readonly watermark: Watermark;
  readonly upcasters: ReadonlyMap<string, Upcast>;
  /** Rung when something was appended in this process. */
  readonly news: Bell;
  /** The longest that what another process appended waits to be seen, in ms. */
  readonly pollMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const retry = { firstMs: 500, longestMs: 30_000 };

/** Runs a projection until it is closed: in pages, each with its checkpoint in one transaction. */
export function runProjection<DB>(
  parts: ProjectionParts<DB>,
  options: ProjectionOptions<DB>,
): Projection & Closeable {
  const { store, news, pollMs, clock, random, log } = parts;
  const { name, page = 500 } = options;
  const projectors = projectorsOf(options);
  const turn = createTurn(parts, options, projectors);
  const stop = new AbortController();
  const stopped = (): boolean => stop.signal.aborted;
  let state: Projection['state'] = 'behind';
  let failures = 0;
  const loop = async (): Promise<void> => {
    while (!stopped()) {
      // Listens before it looks, so that no news falls between the two.
      const waitMs = failures === 0 ? pollMs : retryDelayMs(failures, retry, random);
      const heard = news.heard({ withinMs: waitMs, signal: stop.signal });
      try {
        // After a failure one by one, so that all that can be projected before it is.
        state = await turn(failures === 0 ? page : 1);
        failures = 0;
        if (state === 'behind') continue;
      } catch (err) {
        if (failures++ === 0) log.error('a projection cannot go on; it tries again', { name, err });
        state = 'failing';
        await clock.sleep(waitMs, stop.signal).catch(() => undefined);
        continue;
      }
      await heard;
    }
  };
  const done = loop();
  return {
    name,
    get state() {
      return state;
    },
    async position() {
      const row = await sourcingTables(store.db)
        .selectFrom('weft_projection')
        .select('position')
        .where('name', '=', name)
        .executeTakeFirst();
      return row?.position ?? 0;
    },
    async rebuild() {
      await store.transaction((tx) => resetTo(tx, options));
      state = 'behind';
      news.ring();
    },
    close: () => {
      stop.abort();
      return done;
    },
  };
}

/** One page: what it leaves the projection at. */
function createTurn<DB>(
  parts: ProjectionParts<DB>,
  options: ProjectionOptions<DB>,
  projectors: ReadonlyMap<string, Projector<DB>>,
): (limit: number) => Promise<Projection['state']> {
  const { store, watermark, upcasters } = parts;
  const { name, version = 1 } = options;
  // Old types may become what is projected.
  const types = [...new Set([...projectors.keys(), ...upcasters.keys()])];
  const project = async (tx: Transaction<DB>, event: RecordedEvent): Promise<void> => {
    for (const { typeName, data } of upcast(upcasters, event)) {
      await projectors.get(typeName)?.project(tx, data, event);
    }
  };
  const apply = async (
    tx: Transaction<DB>,
    after: number,
    { limit, upTo }: { limit: number; upTo: number },
  ): Promise<Projection['state']> => {
    const events = await readLog(tx, types, after, { limit, upTo });
    for (const event of events) await project(tx, event);
    // What nobody projects is passed over with the rest of the page.
    const last = events.length === limit ? events.at(-1) : undefined;
    await sourcingTables(tx)
      .updateTable('weft_projection')
      .set({ position: last?.position ?? upTo })
      .where('name', '=', name)
      .execute();
    return last === undefined ? 'live' : 'behind';
  };
  return async (limit) => {
    const upTo = await watermark.look();
    return store.transaction(async (tx) => {
      const checkpoint = await hold(tx, store.dialect, name);
      if (checkpoint === 'held' || (checkpoint?.version ?? 0) > version) return 'standby';
      if (checkpoint === undefined || checkpoint.version < version) {
        await resetTo(tx, options);
        return 'behind';
      }
      if (upTo <= checkpoint.position) return 'live';
      return apply(tx, checkpoint.position, { limit, upTo });
    });
  };
}

/** The checkpoint, for this transaction alone; "held": another process has it. */
async function hold<DB>(
  tx: Transaction<DB>,
  dialect: Store<DB>['dialect'],
  name: string,
): Promise<{ version: number; position: number } | 'held' | undefined> {
  const row = (skip: boolean) =>
    sourcingTables(tx)
      .selectFrom('weft_projection')
      .select(['version', 'position'])
      .where('name', '=', name)
      .$if(skip, (query) => query.forUpdate().skipLocked())
      .executeTakeFirst();
  const held = await row(dialect === 'postgres');
  if (held !== undefined || dialect === 'sqlite') return held;
  return (await row(false)) === undefined ? undefined : 'held';
}

/** Empties the read model and begins anew; who does it at the same time waits for the row. */
async function resetTo<DB>(tx: Transaction<DB>, options: ProjectionOptions<DB>): Promise<void> {
  const { name, version = 1 } = options;
  await sourcingTables(tx)
    .insertInto('weft_projection')
    .values({ name, version, position: 0 })
    .onConflict((on) => on.column('name').doUpdateSet({ version, position: 0 }))
    .execute();
  await options.reset(tx);
}
