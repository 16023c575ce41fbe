import type { Clock } from '../../kernel/clock.ts';
import { type Selectable, sql, type Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { Delivery, Headers } from '../bus/bus.ts';
import { channelOf } from '../bus/subject.ts';
import { encodeValue } from '../envelope.ts';
import { type EventTables, eventTables } from '../tables.ts';

/** An event that waits in the database of its consumer, where it counts against no limit of the bus. */
export interface ParkedEvent {
  readonly consumer: string;
  readonly eventId: string;
  /** The value of its key field; '' without one. */
  readonly key: string;
  /** As the bus brought it. */
  readonly message: Pick<Delivery, 'subject' | 'headers' | 'data' | 'sequence' | 'deliveries'>;
  /** When it is due, wall ms. */
  readonly notBeforeMs: number;
}

/** Due when somebody says so, wall ms: beyond any clock, and within what all databases count exactly. */
export const never = Number.MAX_SAFE_INTEGER;

export type ParkedRow = Selectable<EventTables['weft_parked']>;

/** Parks an event, or an event that is parked already until another time. */
export async function park<DB>(tx: Transaction<DB>, event: ParkedEvent): Promise<void> {
  const { consumer, eventId, key, message, notBeforeMs } = event;
  const { subject, headers, data, sequence, deliveries } = message;
  const due = { deliveries, not_before: Math.ceil(notBeforeMs), held_until: 0 };
  await eventTables(tx)
    .insertInto('weft_parked')
    .values({
      ...{ consumer, event_id: eventId, channel: channelOf(subject), subject, sequence },
      event_key: encodeValue(key),
      ...{ headers: JSON.stringify(headers), payload: data },
      ...due,
    })
    .onConflict((conflict) => conflict.columns(['consumer', 'event_id']).doUpdateSet(due))
    .execute();
}

/** Ends the waiting of an event; part of the transaction that is done with it. */
export async function unpark<DB>(
  tx: Transaction<DB>,
  { consumer, eventId }: Pick<ParkedEvent, 'consumer' | 'eventId'>,
): Promise<void> {
  await eventTables(tx)
    .deleteFrom('weft_parked')
    .where('consumer', '=', consumer)
    .where('event_id', '=', eventId)
    .execute();
}

/** The parked events of one consumer, in the database that its processes share. */
export interface ParkingLot {
  /** When the next event is due that nobody has in hand, wall ms; undefined: none waits. */
  nextDueMs(): Promise<number | undefined>;
  /**
   * Takes in hand what is due, at most `limit`, for `holdMs`: other processes leave it alone so long. That
   * saves work and no more; it is the inbox that keeps two of them from having two effects.
   */
  take(limit: number, holdMs: number): Promise<readonly ParkedRow[]>;
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
    take: (limit, holdMs) =>
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

/** A row as the message that it was, one delivery later. */
export function messageOf(row: ParkedRow): ParkedEvent['message'] {
  return {
    subject: row.subject,
    // What `park` wrote.
    headers: JSON.parse(row.headers) as Headers,
    data: row.payload,
    sequence: row.sequence,
    deliveries: row.deliveries + 1,
  };
}
