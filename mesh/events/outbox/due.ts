import { type Kysely, sql } from '../../store/sql.ts';
import type { Dialect } from '../../store/store.ts';
import type { EventTables } from '../tables.ts';

/** A row of the outbox that may be sent. */
export interface Due {
  readonly id: number;
  readonly message_id: string;
  readonly channel: string;
  readonly subject: string;
  readonly headers: string;
  readonly payload: Uint8Array;
  readonly attempts: number;
  readonly event_key: string;
}

interface Look {
  /** Wall ms. */
  readonly now: number;
  readonly limit: number;
  /** Rows that are on their way already. */
  readonly except: readonly number[];
}

const columns = [
  'id',
  'message_id',
  'channel',
  'subject',
  'headers',
  'payload',
  'attempts',
  'event_key',
] as const;

/**
 * What is due, by id: first what had to wait and need not any longer, then what never had to. The conditions
 * are those of the indexes (migrations.ts), in the same words: a parameter in their place would hide from the
 * planner that they fit.
 */
export async function readDue(
  db: Kysely<EventTables>,
  dialect: Dialect,
  look: Look,
): Promise<Due[]> {
  const waited = await readWaited(db, dialect, look);
  const { limit, except } = look;
  if (waited.length === limit) return waited;
  const ready = await unsent(db, dialect, except)
    .where(sql<boolean>`not_before = 0`)
    .orderBy('id')
    .limit(limit - waited.length)
    .execute();
  return waited.length === 0 ? ready : [...waited, ...ready].sort(byId);
}

/** Those that had to wait, by id. */
export async function readWaited(
  db: Kysely<EventTables>,
  dialect: Dialect,
  { now, limit, except }: Look,
): Promise<Due[]> {
  const rows = await unsent(db, dialect, except)
    .where(sql<boolean>`not_before > 0`)
    .where('not_before', '<=', now)
    .orderBy('not_before')
    .orderBy('id')
    .limit(limit)
    .execute();
  return rows.sort(byId);
}

function byId(one: Due, other: Due): number {
  return one.id - other.id;
}

/** What is not sent, not on its way, and does not stand behind a refused one. */
function unsent(db: Kysely<EventTables>, dialect: Dialect, except: readonly number[]) {
  const all = db
    .selectFrom('weft_outbox')
    .select(columns)
    .where(sql<boolean>`sent_at is null`)
    .where(
      sql<boolean>`not exists (
        select 1 from weft_outbox as front
        where front.sent_at is null and front.attempts > 0 and front.event_key <> ''
          and front.channel = weft_outbox.channel and front.event_key = weft_outbox.event_key
          and front.id < weft_outbox.id
      )`,
    );
  if (except.length === 0) return all;
  // One parameter for all ids: a list of them would be another statement for every length.
  return all.where(
    dialect === 'sqlite'
      ? sql<boolean>`id not in (select value from json_each(${JSON.stringify(except)}))`
      : sql<boolean>`id <> all(${except}::bigint[])`,
  );
}
