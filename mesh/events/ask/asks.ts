import type { Clock } from '../../kernel/clock.ts';
import { type Kysely, sql, type Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import type { Headers } from '../bus/bus.ts';
import { type AskTable, eventTables } from '../tables.ts';

/** An answer as it stands in the database. */
export interface StoredAnswer {
  /** The id of the message that brought it. */
  readonly id: string;
  /** The service that gave it. */
  readonly source: string;
  /** It refused: the body is a google.rpc.Status. */
  readonly refused: boolean;
  readonly body: Uint8Array;
}

/** A question as it stands in the database, from the transaction that asked until a day after its end. */
export interface Ask {
  /** That of the request. */
  readonly id: string;
  readonly correlationId: string;
  readonly requestType: string;
  readonly replyType: string;
  readonly request: Uint8Array;
  /** How many answers end it; 0: only its time does, or its handler. */
  readonly wanted: number;
  /** Somebody waits for it in a process; no handler is called. */
  readonly awaited: boolean;
  /** Trace and baggage of whoever asked, as headers: its timeout is part of the same work. */
  readonly headers: Headers;
}

/** What services have asked and wait for. Whatever ends a question does it once: rows are closed once. */
export interface Asks<DB> {
  open(tx: Transaction<DB>, ask: Ask & { readonly expiresMs: number }): Promise<void>;
  /** Locks a question and adds an answer; undefined when it is over, or nobody here asked it. */
  answer(tx: Transaction<DB>, id: string, answer: StoredAnswer): Promise<Ask | undefined>;
  /** Ends a question; undefined when it was over already. */
  close(tx: Transaction<DB>, id: string): Promise<Ask | undefined>;
  /** The answers, in the order in which they came. */
  answers(db: Kysely<DB>, id: string): Promise<readonly StoredAnswer[]>;
  /** Those of `ids` that are over. */
  over(ids: readonly string[]): Promise<readonly string[]>;
  /** Questions whose time is over, the oldest first. */
  late(limit: number): Promise<readonly Ask[]>;
  /** Moves the end of a question that is still open. */
  postpone(id: string, expiresMs: number): Promise<void>;
  /** Deletes some of those that were over for a day; true when there may be more. */
  forget(): Promise<boolean>;
}

const keptMs = 24 * 3600 * 1000;
const bite = 500;

export function createAsks<DB>(store: Store<DB>, clock: Clock): Asks<DB> {
  return {
    async open(tx, { expiresMs, ...ask }) {
      const row = {
        ...{ id: ask.id, correlation_id: ask.correlationId, request: ask.request },
        ...{ request_type: ask.requestType, reply_type: ask.replyType, wanted: ask.wanted },
        headers: JSON.stringify(ask.headers),
        ...{ awaited: ask.awaited ? 1 : 0, asked_at: clock.now(), expires_at: expiresMs },
      };
      await eventTables(tx).insertInto('weft_ask').values(row).execute();
    },
    async answer(tx, ask_id, { id, source, refused, body }) {
      const row = await eventTables(tx)
        .updateTable('weft_ask')
        // A write, so that answers that come at the same moment count each other.
        .set((row) => ({ answers: row('answers', '+', 1) }))
        .where('id', '=', ask_id)
        .where('closed_at', 'is', null)
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const answer = { ask_id, place: row.answers, message_id: id, source, body };
      await eventTables(tx)
        .insertInto('weft_answer')
        .values({ ...answer, refused: refused ? 1 : 0 })
        .execute();
      return fromRow(row);
    },
    async close(tx, id) {
      const row = await eventTables(tx)
        .updateTable('weft_ask')
        .set({ closed_at: clock.now() })
        .where('id', '=', id)
        .where('closed_at', 'is', null)
        .returningAll()
        .executeTakeFirst();
      return row && fromRow(row);
    },
    async answers(db, id) {
      const rows = await eventTables(db)
        .selectFrom('weft_answer')
        .selectAll()
        .where('ask_id', '=', id)
        .orderBy('place')
        .execute();
      return rows.map(({ message_id, source, refused, body }) => ({
        ...{ id: message_id, source, body, refused: refused === 1 },
      }));
    },
    ...sweeps(store, clock),
  };
}

/** What concerns many questions at once. */
function sweeps<DB>(
  store: Store<DB>,
  clock: Clock,
): Pick<Asks<DB>, 'over' | 'late' | 'postpone' | 'forget'> {
  const db = eventTables(store.db);
  return {
    async over(ids) {
      const rows = await db
        .selectFrom('weft_ask')
        .select('id')
        .where('id', 'in', ids)
        .where('closed_at', 'is not', null)
        .execute();
      return rows.map(({ id }) => id);
    },
    async late(limit) {
      const rows = await db
        .selectFrom('weft_ask')
        .selectAll()
        .where('closed_at', 'is', null)
        .where('expires_at', '<=', clock.now())
        .orderBy('expires_at')
        .limit(limit)
        .execute();
      return rows.map(fromRow);
    },
    async postpone(id, expires_at) {
      await db
        .updateTable('weft_ask')
        .set({ expires_at })
        .where('id', '=', id)
        .where('closed_at', 'is', null)
        .execute();
    },
    async forget() {
      const old = sql<string>`(select id from weft_ask where closed_at < ${clock.now() - keptMs} limit ${bite})`;
      return store.transaction(async (tx) => {
        const tables = eventTables(tx);
        await tables.deleteFrom('weft_answer').where('ask_id', 'in', old).execute();
        const { numDeletedRows } = await tables
          .deleteFrom('weft_ask')
          .where('id', 'in', old)
          .executeTakeFirstOrThrow();
        return numDeletedRows >= BigInt(bite);
      });
    },
  };
}

interface AskRow extends Omit<AskTable, 'answers' | 'closed_at'> {
  readonly answers: number;
}

function fromRow(row: AskRow): Ask {
  return {
    ...{ id: row.id, correlationId: row.correlation_id, request: row.request },
    ...{ requestType: row.request_type, replyType: row.reply_type, wanted: row.wanted },
    awaited: row.awaited === 1,
    // What `open` wrote.
    headers: row.headers === null ? {} : (JSON.parse(row.headers) as Headers),
  };
}
