import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import { type Prepared, prepare } from '../../store/prepared.ts';
import { type Kysely, sql, type Transaction } from '../../store/sql.ts';
import type { Dialect, Store } from '../../store/store.ts';
import type { Headers, Outgoing, PublishOutcome } from '../bus/bus.ts';
import { oneLine } from '../one-line.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { type EventTables, eventTables } from '../tables.ts';
import type { Lease } from './lease.ts';

/** A message that waits in the outbox. */
export interface OutboxMessage extends Outgoing {
  readonly row: number;
  /** How often the bus has refused it. */
  readonly attempts: number;
}

/**
 * Messages that leave if, and only if, a transaction commits: they are rows of the same database, and the
 * relay sends them afterwards. Rows are found by what is unsent, never by a cursor over ids: in PostgreSQL
 * a transaction with a lower id may commit after one with a higher.
 */
export interface Outbox<DB> {
  /** Writes a message in the caller's transaction; after its commit `onWritten` is called. */
  add(tx: Transaction<DB>, message: Outgoing): Promise<void>;
  /** The oldest messages that are due, in the order in which they were written. */
  due(limit: number): Promise<readonly OutboxMessage[]>;
  /**
   * Writes down what became of messages, as far as `lease` is still held: what is stored counts as sent,
   * what was refused waits, UNAVAILABLE changes nothing. Throws ABORTED/LEASE_LOST and writes nothing else.
   */
  settle(
    lease: Lease,
    messages: readonly OutboxMessage[],
    outcomes: readonly PublishOutcome[],
  ): Promise<void>;
  /** How many messages are not sent yet. */
  depth(): Promise<number>;
}

export interface OutboxOptions<DB> {
  readonly store: Store<DB>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWritten: () => void;
}

type NewRow = Pick<
  EventTables['weft_outbox'],
  'message_id' | 'channel' | 'subject' | 'headers' | 'payload' | 'created_at'
>;

// A message that the bus refuses for itself (too large, its channel full) must not hold up the others.
const refused: RetryDelay = { firstMs: 1_000, longestMs: 60_000 };

export function createOutbox<DB>(options: OutboxOptions<DB>): Outbox<DB> {
  const { store, clock, random, onWritten } = options;
  const insert = prepareInsert(store);
  return {
    async add(tx, { id, channel, subject, headers, data }) {
      await insert(eventTables(tx), {
        ...{ message_id: id, channel, subject, payload: data },
        headers: JSON.stringify(headers),
        created_at: clock.now(),
      });
      // Without it (a transaction begun elsewhere) the relay finds the row at its next look.
      store.onCommit(tx, onWritten);
    },
    async due(limit) {
      const rows = await eventTables(store.db)
        .selectFrom('weft_outbox')
        .select(['id', 'message_id', 'channel', 'subject', 'headers', 'payload', 'attempts'])
        .where('sent_at', 'is', null)
        .where('not_before', '<=', clock.now())
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(({ id, message_id, channel, subject, headers, payload, attempts }) => ({
        ...{ row: id, id: message_id, channel, subject, data: payload, attempts },
        // What `add` wrote.
        headers: JSON.parse(headers) as Headers,
      }));
    },
    async depth() {
      const { depth } = await eventTables(store.db)
        .selectFrom('weft_outbox')
        .select(({ fn }) => fn.countAll<number | bigint | string>().as('depth'))
        .where('sent_at', 'is', null)
        .executeTakeFirstOrThrow();
      // PostgreSQL counts in 64 bits, which its driver gives as text.
      return Number(depth);
    },
    async settle(lease, messages, outcomes) {
      const sent = messages.filter((_, i) => outcomes[i]?.stored === true);
      await store.transaction(async (tx) => {
        const db = eventTables(tx);
        await lease.renew(db);
        await markSent(db, store.dialect, { rows: sent.map(({ row }) => row), at: clock.now() });
        for (const [i, message] of messages.entries()) {
          const outcome = outcomes[i];
          if (outcome?.stored !== false || outcome.error.status === 'UNAVAILABLE') continue;
          const attempts = message.attempts + 1;
          const not_before = Math.ceil(clock.now() + retryDelayMs(attempts, refused, random));
          await db
            .updateTable('weft_outbox')
            .set({ attempts, not_before, last_error: oneLine(outcome.error.message) })
            .where('id', '=', message.row)
            .execute();
        }
      });
    },
  };
}

/** What runs for every message. */
function prepareInsert<DB>(store: Store<DB>): Prepared<EventTables, NewRow, unknown> {
  return prepare(eventTables(store.db), (db, it: NewRow) =>
    db.insertInto('weft_outbox').values({
      message_id: it.message_id,
      channel: it.channel,
      subject: it.subject,
      headers: it.headers,
      payload: it.payload,
      created_at: it.created_at,
    }),
  );
}

async function markSent(
  db: Kysely<EventTables>,
  dialect: Dialect,
  { rows, at }: { rows: readonly number[]; at: number },
): Promise<void> {
  if (rows.length === 0) return;
  // One parameter for all ids: a list of them would be another statement for every length.
  const ids =
    dialect === 'sqlite'
      ? sql<number>`(select value from json_each(${JSON.stringify(rows)}))`
      : sql<number>`(select unnest(${rows}::bigint[]))`;
  await db.updateTable('weft_outbox').set({ sent_at: at }).where('id', 'in', ids).execute();
}
