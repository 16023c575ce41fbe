import type { Clock } from '../../kernel/clock.ts';
import type { Kysely } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { Headers } from '../bus/bus.ts';
import { channelOf } from '../bus/subject.ts';
import { never } from '../consume/parked.ts';
import { encodeValue } from '../envelope.ts';
import { receive } from '../received.ts';
import { type EventTables, eventTables } from '../tables.ts';
import { forgetDeath, markReplayed } from './letter-rows.ts';

/** A key of an ordered consumer that goes no further: an event of it was given up, and later ones wait behind it. */
export interface StoppedKey {
  readonly consumer: string;
  /** The event that stopped it. */
  readonly eventId: string;
  /** As the event says it; '' without one. */
  readonly key: string;
  /** The full name of the event's type; '' when it did not say. */
  readonly type: string;
  readonly channel: string;
  readonly sequence: number;
  /** How many later events of the key wait behind it. */
  readonly waits: number;
  /** Undefined: somebody deleted the letter, and the key stands all the same. */
  readonly letterId: string | undefined;
}

/** Chooses stopped keys; what is absent does not restrict. */
export interface StoppedFilter {
  readonly consumer?: string;
  readonly key?: string;
}

/** Some stopped keys by the events that stopped them, at one consumer or at each. */
export interface Released {
  readonly eventIds: readonly string[];
  readonly consumer?: string;
  /**
   * "handle": the event comes again as if it had just come, and then what waits behind it. "skip": it stays given up,
   * and what waits goes on without it.
   */
  readonly how: 'handle' | 'skip';
}

/**
 * The keys that stand still in one database. Replaying or dropping a dead letter releases its key; this is the way
 * that needs no letter, for it goes by what really stops the key: the parked event that is never due.
 */
export interface StoppedKeys {
  /** Those first that stopped first; at most `mostStopped`. */
  list(filter: StoppedFilter): Promise<readonly StoppedKey[]>;
  /** Lets keys go on; gives the events for which they stood. Each is released once, whoever else asks meanwhile. */
  release(which: Released): Promise<readonly string[]>;
}

/** Most keys of one list. */
export const mostStopped = 1_000;

export function createStoppedKeys<DB>({
  store,
  clock,
}: {
  readonly store: Store<DB>;
  readonly clock: Clock;
}): StoppedKeys {
  return {
    async list({ consumer, key }) {
      let query = stopped(eventTables(store.db));
      if (consumer !== undefined) query = query.where('head.consumer', '=', consumer);
      if (key !== undefined) query = query.where('head.event_key', '=', encodeValue(key));
      const rows = await query.orderBy('head.id').limit(mostStopped).execute();
      return rows.map((row) => {
        // What `park` wrote.
        const headers = JSON.parse(row.headers) as Headers;
        const { envelope } = receive({ headers, data: row.payload });
        const { consumer: of, event_id: eventId, subject, sequence } = row;
        return {
          ...{ consumer: of, eventId, channel: channelOf(subject), sequence },
          ...{ key: envelope?.key ?? '', type: envelope?.type ?? '' },
          // It is one of them itself. PostgreSQL counts in 64 bits, which its driver gives as text.
          waits: Number(row.held) - 1,
          letterId: row.letter_id ?? undefined,
        };
      });
    },
    async release({ eventIds, consumer, how }) {
      if (eventIds.length === 0) return [];
      return store.transaction(async (tx) => {
        const db = eventTables(tx);
        let query = stopped(db).where('head.event_id', 'in', [...eventIds]);
        if (consumer !== undefined) query = query.where('head.consumer', '=', consumer);
        const released: string[] = [];
        for (const row of await query.orderBy('head.id').execute()) {
          const done = await (how === 'handle' ? handle(db, row, clock.now()) : skip(db, row));
          if (done) released.push(row.event_id);
        }
        return released;
      });
    },
  };
}

function stopped(db: Kysely<EventTables>) {
  return db
    .selectFrom('weft_parked as head')
    .leftJoin('weft_dead_letter as letter', (join) =>
      join
        .onRef('letter.consumer', '=', 'head.consumer')
        .onRef('letter.event_id', '=', 'head.event_id'),
    )
    .selectAll('head')
    .select('letter.id as letter_id')
    .select(({ selectFrom }) =>
      selectFrom('weft_parked as held')
        .select(({ fn }) => fn.countAll<number | string>().as('held'))
        .whereRef('held.consumer', '=', 'head.consumer')
        .whereRef('held.place', '=', 'head.place')
        .whereRef('held.event_key', '=', 'head.event_key')
        .as('held'),
    )
    .where('head.not_before', '=', never);
}

interface Head {
  readonly id: number;
  readonly consumer: string;
  readonly event_id: string;
  readonly letter_id: string | null;
}

/** Whoever else releases it at this moment waits at the row, and then finds it released. */
async function handle(db: Kysely<EventTables>, head: Head, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('weft_parked')
    .set({ not_before: now, held_until: 0, deliveries: 0 })
    .where('id', '=', head.id)
    .where('not_before', '=', never)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) return false;
  await forgetDeath(db, { consumer: head.consumer, eventId: head.event_id });
  if (head.letter_id !== null) await markReplayed(db, head.letter_id, now);
  return true;
}

async function skip(db: Kysely<EventTables>, head: Head): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('weft_parked')
    .where('id', '=', head.id)
    .where('not_before', '=', never)
    .executeTakeFirstOrThrow();
  if (numDeletedRows !== 1n) return false;
  if (head.letter_id !== null) {
    await db.deleteFrom('weft_dead_letter').where('id', '=', head.letter_id).execute();
  }
  return true;
}
