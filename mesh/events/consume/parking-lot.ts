import type { Clock } from '../../kernel/clock.ts';
import { sql } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import { eventTables } from '../tables.ts';
import type { ParkedRow } from './parked.ts';

/** The parked events of one consumer, in the database that its processes share. */
export interface ParkingLot {
  /** When the next event is due that nobody has in hand, wall ms; undefined: none waits. */
  nextDueMs(): Promise<number | undefined>;
  /**
   * Takes in hand what is due, at most `limit`, for `holdMs`: other processes leave it alone so long. That
   * saves work and no more; it is the inbox that keeps two of them from having two effects. `except` are left
   * alone: rows that are in hand here.
   */
  take(limit: number, holdMs: number, except?: readonly number[]): Promise<readonly ParkedRow[]>;
  /** Keeps rows in hand for `holdMs` from now on. */
  keep(ids: readonly number[], holdMs: number): Promise<void>;
  /** Lets go of a row: it is due again at a time, wall ms. */
  release(id: number, notBeforeMs: number): Promise<void>;
  /** Deletes a row for which nothing is to be done. */
  forget(id: number): Promise<void>;
  /** How many events are parked. */
  depth(): Promise<number>;
}

export function createParkingLot<DB>(store: Store<DB>, consumer: string, clock: Clock): ParkingLot {
  const db = eventTables(store.db);
  return {
    async nextDueMs() {
      const { due } = await db
        .selectFrom('weft_parked')
        .select(({ fn }) => fn.min<number | null>('not_before').as('due'))
        .where('consumer', '=', consumer)
        .where('held_until', '<=', clock.now())
        .executeTakeFirstOrThrow();
      return due ?? undefined;
    },
    take: (limit, holdMs, except = []) =>
      store.grouped(async (tx) => {
        const nowMs = clock.now();
        let due = eventTables(tx)
          .selectFrom('weft_parked')
          .select('id')
          .where('consumer', '=', consumer)
          .where('not_before', '<=', nowMs)
          .where('held_until', '<=', nowMs)
          .orderBy('not_before')
          .orderBy('sequence')
          .limit(limit);
        if (except.length > 0) due = due.where('id', 'not in', except);
        if (store.dialect === 'postgres') due = due.forUpdate().skipLocked();
        return eventTables(tx)
          .updateTable('weft_parked')
          .set({ held_until: nowMs + holdMs })
          .where('id', 'in', due)
          .returningAll()
          .execute();
      }),
    async keep(ids, holdMs) {
      if (ids.length === 0) return;
      const held_until = clock.now() + holdMs;
      await db.updateTable('weft_parked').set({ held_until }).where('id', 'in', ids).execute();
    },
    async release(id, notBeforeMs) {
      const not_before = Math.ceil(notBeforeMs);
      const free = { held_until: 0, not_before };
      await db.updateTable('weft_parked').set(free).where('id', '=', id).execute();
    },
    async forget(id) {
      await db.deleteFrom('weft_parked').where('id', '=', id).execute();
    },
    async depth() {
      const { depth } = await db
        .selectFrom('weft_parked')
        .select(sql<number>`count(*)`.as('depth'))
        .where('consumer', '=', consumer)
        .executeTakeFirstOrThrow();
      return depth;
    },
  };
}

/** How many events are parked, by consumer; consumers without any are missing. */
export async function parkedByConsumer<DB>(store: Store<DB>): Promise<ReadonlyMap<string, number>> {
  const rows = await eventTables(store.db)
    .selectFrom('weft_parked')
    .select(['consumer', sql<number>`count(*)`.as('depth')])
    .groupBy('consumer')
    .execute();
  return new Map(rows.map(({ consumer, depth }) => [consumer, depth]));
}
