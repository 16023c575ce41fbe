import { type Kysely, sql } from '../../store/sql.ts';
import type { Dialect } from '../../store/store.ts';
import type { EventTables } from '../tables.ts';

/** A row whose message the bus has stored. */
export interface SentRow {
  readonly row: number;
  /** The id of the message. */
  readonly id: string;
  readonly channel: string;
  readonly sequence: number;
}

/** Marks rows as sent, in one statement with as many parameters however many rows there are. */
export async function markSent(
  db: Kysely<EventTables>,
  dialect: Dialect,
  { sent, at }: { readonly sent: readonly SentRow[]; readonly at: number },
): Promise<void> {
  if (sent.length === 0) return;
  const rows = sent.map(({ row }) => row);
  const sequences = sent.map(({ sequence }) => sequence);
  const statement =
    dialect === 'sqlite'
      ? sql`update weft_outbox set sent_at = ${at}, sequence = place.value ->> 1
          from json_each(${JSON.stringify(rows.map((row, i) => [row, sequences[i]]))}) as place
          where weft_outbox.id = place.value ->> 0`
      : sql`update weft_outbox set sent_at = ${at}, sequence = place.sequence
          from unnest(${rows}::bigint[], ${sequences}::bigint[]) as place(row, sequence)
          where weft_outbox.id = place.row`;
  await statement.execute(db);
}

/** Remembers of each channel the highest place, and what stands there. */
export async function noteHighest(
  db: Kysely<EventTables>,
  sent: readonly SentRow[],
): Promise<void> {
  const highest = new Map<string, SentRow>();
  for (const row of sent) {
    const known = highest.get(row.channel);
    if (known === undefined || known.sequence < row.sequence) highest.set(row.channel, row);
  }
  for (const { channel, sequence, id } of highest.values()) {
    await db
      .updateTable('weft_outbox_channel')
      .set({ last_sequence: sequence, last_id: id })
      .where('channel', '=', channel)
      .where('last_sequence', '<', sequence)
      .execute();
  }
}

/**
 * Lets a refused row wait, and with it all that stand behind it in its channel and key: a look need not meet
 * them meanwhile. What is written later is held back by the refused row itself (due.ts).
 */
export async function markRefused(
  db: Kysely<EventTables>,
  { row, channel, key }: { readonly row: number; readonly channel: string; readonly key: string },
  { attempts, notBefore, error }: { attempts: number; notBefore: number; error: string },
): Promise<void> {
  await db
    .updateTable('weft_outbox')
    .set({ attempts, not_before: notBefore, last_error: error })
    .where('id', '=', row)
    .execute();
  if (key === '') return;
  await db
    .updateTable('weft_outbox')
    .set({ not_before: notBefore })
    .where(sql<boolean>`sent_at is null`)
    .where('channel', '=', channel)
    .where('event_key', '=', key)
    .where('id', '>', row)
    .where('not_before', '<', notBefore)
    .execute();
}
