import type { Log } from '../../kernel/log.ts';
import { type Kysely, sql } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { Bus, ChannelState } from '../bus/bus.ts';
import { type EventTables, eventTables } from '../tables.ts';
import type { Lease } from './lease.ts';

/**
 * What the outbox remembers of its channels. A broker that acks before its disk has the message, or whose data
 * was put back from a copy, may hold less than it has acked; and a channel may have been deleted. Sent rows
 * stay for a while (retention.ts), so what is missing can be sent again.
 */
export interface ChannelMemory {
  /**
   * Compares a channel that exists with what is remembered of it, and makes rows unsent again whose messages it
   * no longer holds; gives how many. Nothing may be on its way meanwhile.
   */
  verify(lease: Lease, channel: string, signal: AbortSignal): Promise<number>;
  /** The channels of which anything is remembered. */
  known(): Promise<readonly string[]>;
}

export interface ChannelMemoryOptions<DB> {
  readonly store: Store<DB>;
  readonly bus: Bus;
  readonly log: Log;
}

interface Place {
  readonly sequence: number;
  readonly id: string;
}

// Small bites: a transaction over a day of messages would hold up every writer.
const bite = 5_000;

export function createChannelMemory<DB>(options: ChannelMemoryOptions<DB>): ChannelMemory {
  const { store, bus, log } = options;
  const db = eventTables(store.db);
  return {
    async known() {
      const rows = await db.selectFrom('weft_outbox_channel').select('channel').execute();
      return rows.map(({ channel }) => channel);
    },
    async verify(lease, channel, signal) {
      const state = await bus.inspect(channel, signal);
      if (state === undefined) return 0;
      const row = await db
        .selectFrom('weft_outbox_channel')
        .select(['identity', 'last_sequence', 'last_id'])
        .where('channel', '=', channel)
        .executeTakeFirst();
      const last = row && { sequence: row.last_sequence, id: row.last_id };
      const same = row?.identity === state.identity;
      const held = { bus, channel, state, signal };
      if (last !== undefined && same && (await isHeld(last, held))) return 0;
      const floor = same ? await highestHeld(db, held) : nowhere;
      // A channel of which nothing was known has lost nothing, as far as anyone can tell.
      const missing = row === undefined ? 0 : await makeUnsent(store, lease, { channel, floor });
      await remember(store, lease, { channel, identity: state.identity, floor });
      if (missing > 0) {
        log.warn('the broker no longer holds what it had stored; it is sent again', {
          ...{ channel, missing, from: floor.sequence + 1, madeAnew: !same },
        });
      }
      return missing;
    },
  };
}

const nowhere: Place = { sequence: 0, id: '' };

interface Held {
  readonly bus: Bus;
  readonly channel: string;
  readonly state: ChannelState;
  readonly signal: AbortSignal;
}

/** Whether the channel still holds a message, or has let go of it by its age. */
async function isHeld(
  { sequence, id }: Place,
  { bus, channel, state, signal }: Held,
): Promise<boolean> {
  if (sequence === 0) return true;
  if (sequence > state.lastSequence) return false;
  if (sequence < state.firstSequence) return true;
  return (await bus.idAt(channel, sequence, signal)) === id;
}

/**
 * The highest place of a sent message that the channel still holds. What it lost is an end of it, and others
 * may have published since: so the places are halved until what is ours below is held and what is above is not.
 */
async function highestHeld(db: Kysely<EventTables>, held: Held): Promise<Place> {
  let floor = nowhere;
  let low = 0;
  let high = held.state.lastSequence;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const place = await placeWithin(db, held.channel, { above: low, upTo: middle });
    if (place === undefined || (await isHeld(place, held))) {
      floor = place ?? floor;
      low = middle;
    } else {
      high = place.sequence - 1;
    }
  }
  return floor;
}

/** The highest place of a sent message in a range. A scan of what was sent: nobody asks unless something is lost. */
async function placeWithin(
  db: Kysely<EventTables>,
  channel: string,
  { above, upTo }: { readonly above: number; readonly upTo: number },
): Promise<Place | undefined> {
  const row = await db
    .selectFrom('weft_outbox')
    .select(['sequence', 'message_id'])
    .where(sql<boolean>`sent_at is not null`)
    .where('channel', '=', channel)
    .where('sequence', '>', above)
    .where('sequence', '<=', upTo)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { sequence: row.sequence ?? 0, id: row.message_id };
}

/** Makes everything unsent that was sent above a place; what has no place was sent before places were kept. */
async function makeUnsent<DB>(
  store: Store<DB>,
  lease: Lease,
  { channel, floor }: { readonly channel: string; readonly floor: Place },
): Promise<number> {
  let missing = 0;
  for (;;) {
    const made = await store.transaction(async (tx) => {
      const db = eventTables(tx);
      await lease.renew(db);
      const some = db
        .selectFrom('weft_outbox')
        .select('id')
        .where(sql<boolean>`sent_at is not null`)
        .where('channel', '=', channel)
        .where((row) => (floor === nowhere ? row.lit(true) : row('sequence', '>', floor.sequence)))
        .limit(bite);
      const { numUpdatedRows } = await db
        .updateTable('weft_outbox')
        .set({ sent_at: null, sequence: null, not_before: 0, attempts: 0 })
        .where('id', 'in', some)
        .executeTakeFirstOrThrow();
      return Number(numUpdatedRows);
    });
    missing += made;
    if (made < bite) return missing;
  }
}

async function remember<DB>(
  store: Store<DB>,
  lease: Lease,
  {
    channel,
    identity,
    floor,
  }: { readonly channel: string; readonly identity: string; readonly floor: Place },
): Promise<void> {
  const known = { identity, last_sequence: floor.sequence, last_id: floor.id };
  await store.transaction(async (tx) => {
    const db = eventTables(tx);
    await lease.renew(db);
    await db
      .insertInto('weft_outbox_channel')
      .values({ channel, ...known })
      .onConflict((conflict) => conflict.column('channel').doUpdateSet(known))
      .execute();
  });
}
