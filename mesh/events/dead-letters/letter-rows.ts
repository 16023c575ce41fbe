import type { Kysely } from '../../store/sql.ts';
import type { EventTables } from '../tables.ts';

/** Marks a letter as given back; false unless it waits for a person. */
export async function markReplayed(
  db: Kysely<EventTables>,
  id: string,
  now: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('weft_dead_letter')
    .set(({ eb }) => ({
      ...{ state: 'replayed', replayed_at: now },
      replays: eb('replays', '+', 1),
    }))
    .where('id', '=', id)
    .where('state', '=', 'dead')
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Lets the inbox take an event again that its consumer has given up. */
export async function forgetDeath(
  db: Kysely<EventTables>,
  { consumer, eventId }: { readonly consumer: string; readonly eventId: string },
): Promise<void> {
  await db
    .deleteFrom('weft_inbox')
    .where('consumer', '=', consumer)
    .where('event_id', '=', eventId)
    .where('outcome', '=', 'dead')
    .execute();
}
