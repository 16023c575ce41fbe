import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import { type Prepared, prepare } from '../../store/prepared.ts';
import type { Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { Headers, Outgoing, PublishOutcome } from '../bus/bus.ts';
import { oneLine } from '../one-line.ts';
import { type RetryDelay, retryDelayMs } from '../retry-delay.ts';
import { type EventTables, eventTables } from '../tables.ts';
import { type Due, readDue, readWaited } from './due.ts';
import type { Lease } from './lease.ts';
import { markRefused, markSent, noteHighest, type SentRow } from './settling.ts';
import { type OutboxState, readState } from './state.ts';

/** A message that waits in the outbox. */
export interface OutboxMessage extends Outgoing {
  readonly row: number;
  /** How often the bus has refused it. */
  readonly attempts: number;
  readonly key: string;
}

/**
 * Messages that leave if, and only if, a transaction commits: they are rows of the same database, and the
 * relay sends them afterwards. Rows are found by what is unsent, never by a cursor over ids: in PostgreSQL
 * a transaction with a lower id may commit after one with a higher.
 */
export interface Outbox<DB> {
  /**
   * Writes a message in the caller's transaction; after its commit `onWritten` is called. It is not due before
   * `notBefore`, in wall ms; by default it is due at once.
   */
  add(tx: Transaction<DB>, message: Outgoing, notBefore?: number): Promise<void>;
  /**
   * The oldest messages that are due, in the order in which they were written, without those in `except`. What
   * stands behind a refused one of its channel and key is not due.
   */
  due(limit: number, except?: ReadonlySet<number>): Promise<readonly OutboxMessage[]>;
  /** Those of `due` that had to wait: delayed, or refused once. */
  waited(limit: number, except: ReadonlySet<number>): Promise<readonly OutboxMessage[]>;
  /**
   * Writes down what became of messages, as far as `lease` is still held: what is stored counts as sent,
   * what was refused waits, with all that stands behind it; what is open or was held back stays as it is.
   * Throws ABORTED/LEASE_LOST and writes nothing else.
   */
  settle(
    lease: Lease,
    messages: readonly OutboxMessage[],
    outcomes: readonly PublishOutcome[],
  ): Promise<void>;
  /** What waits, counted. */
  state(): Promise<OutboxState>;
}

export interface OutboxOptions<DB> {
  readonly store: Store<DB>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWritten: () => void;
}

interface NewRow {
  readonly message_id: string;
  readonly channel: string;
  readonly subject: string;
  readonly headers: string;
  readonly payload: Uint8Array;
  readonly created_at: number;
  readonly event_key: string;
  readonly not_before: number;
}

// A message that the bus refuses for itself (too large, its channel full) must not hold up those of other keys.
const refused: RetryDelay = { firstMs: 1_000, longestMs: 60_000 };

export function createOutbox<DB>(options: OutboxOptions<DB>): Outbox<DB> {
  const { store, clock, random, onWritten } = options;
  const insert = prepareInsert(store);
  return {
    async add(tx, { id, channel, subject, headers, data, key = '' }, notBefore = 0) {
      await insert(eventTables(tx), {
        ...{ message_id: id, channel, subject, payload: data, event_key: key },
        headers: JSON.stringify(headers),
        ...{ created_at: clock.now(), not_before: notBefore },
      });
      // Without it (a transaction begun elsewhere) the relay finds the row at its next look.
      store.onCommit(tx, onWritten);
    },
    async due(limit, except = new Set()) {
      const rows = await readDue(eventTables(store.db), store.dialect, {
        ...{ now: clock.now(), limit, except: [...except] },
      });
      return rows.map(messageOf);
    },
    async waited(limit, except) {
      const look = { now: clock.now(), limit, except: [...except] };
      return (await readWaited(eventTables(store.db), store.dialect, look)).map(messageOf);
    },
    state: () => readState(eventTables(store.db), clock.now()),
    async settle(lease, messages, outcomes) {
      const at = clock.now();
      const sent = sentRows(messages, outcomes);
      await store.transaction(async (tx) => {
        const db = eventTables(tx);
        await lease.renew(db);
        await markSent(db, store.dialect, { sent, at });
        await noteHighest(db, sent);
        for (const [i, message] of messages.entries()) {
          const outcome = outcomes[i];
          if (outcome === undefined || !isRefusal(outcome)) continue;
          const attempts = message.attempts + 1;
          const notBefore = Math.ceil(at + retryDelayMs(attempts, refused, random));
          const error = oneLine(outcome.error.message);
          await markRefused(db, message, { attempts, notBefore, error });
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
      event_key: it.event_key,
      not_before: it.not_before,
    }),
  );
}

/** Whether the bus will not take this message: not because it is away, nor because of the one before it. */
export function isRefusal(
  outcome: PublishOutcome,
): outcome is PublishOutcome & { readonly stored: false } {
  if (outcome.stored) return false;
  return outcome.error.status !== 'UNAVAILABLE' && outcome.error.reason !== 'HELD_BACK';
}

/** The message of a row. */
export function messageOf({
  id,
  message_id,
  payload,
  headers,
  event_key,
  ...row
}: Due): OutboxMessage {
  return {
    ...row,
    ...{ row: id, id: message_id, data: payload, key: event_key },
    // What `add` wrote.
    headers: JSON.parse(headers) as Headers,
  };
}

function sentRows(
  messages: readonly OutboxMessage[],
  outcomes: readonly PublishOutcome[],
): SentRow[] {
  return messages.flatMap(({ row, id, channel }, i) => {
    const outcome = outcomes[i];
    return outcome?.stored === true ? [{ row, id, channel, sequence: outcome.sequence }] : [];
  });
}
