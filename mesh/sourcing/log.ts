import type { Clock } from '../kernel/clock.ts';
import { currentContext } from '../kernel/context.ts';
import { MeshError } from '../kernel/error.ts';
import { type Kysely, sql, type Transaction } from '../store/sql.ts';
import type { Dialect } from '../store/store.ts';
import type { EventMeta, NewEvent, RecordedEvent } from './event.ts';
import { sourcingTables } from './tables.ts';

/** What is added to a stream. */
export interface Addition {
  readonly stream: string;
  /** The version that the stream has now; 0: none. */
  readonly expected: number;
  readonly events: readonly { readonly event: NewEvent; readonly meta: EventMeta }[];
}

/**
 * Adds events to a stream that stands at the expected version. Throws ABORTED/VERSION_CONFLICT when it does
 * not: roll the transaction back, load, and decide again.
 */
export async function appendEvents<DB>(
  tx: Transaction<DB>,
  { stream, expected, events }: Addition,
  { dialect, clock }: { dialect: Dialect; clock: Clock },
): Promise<void> {
  const db = sourcingTables(tx);
  if (dialect === 'postgres') {
    // Gives this transaction its number before any of its events has a position: see watermark.ts.
    await sql`select pg_current_xact_id()`.execute(db);
  }
  // A version beyond the stream's end would be a hole that no unique index sees.
  if (expected > 0 && !(await hasVersion(db, stream, expected))) throw conflict(stream, expected);
  const rows = events.map(({ event, meta }, i) => ({
    ...{ stream, version: expected + 1 + i, type: event.typeName, data: event.encode() },
    ...{ meta: JSON.stringify(meta), recorded_at: clock.now() },
  }));
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('weft_event_log')
    .values(rows)
    // An error would lose the transaction in PostgreSQL before anything could be said about it.
    .onConflict((on) => on.columns(['stream', 'version']).doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows !== BigInt(rows.length)) throw conflict(stream, expected);
}

/** What is known of an event that is written now. */
export function metaNow(eventId: string | undefined): EventMeta {
  const { trace } = currentContext();
  return { ...(eventId !== undefined && { eventId }), ...(trace && { trace }) };
}

export interface Page {
  readonly limit: number;
  /** Beyond which nothing is read. */
  readonly upTo?: number;
}

/** The events of a stream after a version. */
export async function readStream<DB>(
  db: Kysely<DB>,
  stream: string,
  after: number,
  { limit, upTo }: Page,
): Promise<readonly RecordedEvent[]> {
  const rows = await sourcingTables(db)
    .selectFrom('weft_event_log')
    .selectAll()
    .where('stream', '=', stream)
    .where('version', '>', after)
    .$if(upTo !== undefined, (query) => query.where('version', '<=', upTo ?? 0))
    .orderBy('version')
    .limit(limit)
    .execute();
  return rows.map(recorded);
}

/** The events of some types after a position, over all streams. */
export async function readLog<DB>(
  db: Kysely<DB>,
  types: readonly string[],
  after: number,
  { limit, upTo = Number.MAX_SAFE_INTEGER }: Page,
): Promise<readonly RecordedEvent[]> {
  const rows = await sourcingTables(db)
    .selectFrom('weft_event_log')
    .selectAll()
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .where('type', 'in', types)
    .orderBy('position')
    .limit(limit)
    .execute();
  return rows.map(recorded);
}

interface Row {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly data: Uint8Array;
  readonly meta: string;
  readonly recorded_at: number;
}

function recorded({ type, meta, recorded_at, ...row }: Row): RecordedEvent {
  // What `appendEvents` wrote.
  return { ...row, typeName: type, meta: JSON.parse(meta) as EventMeta, recordedMs: recorded_at };
}

async function hasVersion(
  db: ReturnType<typeof sourcingTables>,
  stream: string,
  version: number,
): Promise<boolean> {
  const row = await db
    .selectFrom('weft_event_log')
    .select('version')
    .where('stream', '=', stream)
    .where('version', '=', version)
    .executeTakeFirst();
  return row !== undefined;
}

function conflict(stream: string, expected: number): MeshError {
  return new MeshError(
    `${stream} does not stand at version ${String(expected)} any more; load it and decide again`,
    { status: 'ABORTED', reason: 'VERSION_CONFLICT', details: { facts: { stream } } },
  );
}
