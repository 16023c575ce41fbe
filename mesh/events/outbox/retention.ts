import type { Clock } from '../../kernel/clock.ts';
import type { Store } from '../../store/store.ts';
import { eventTables } from '../tables.ts';

export interface Retention {
  /** How long sent messages stay in the outbox, in ms: what a broker lost can be sent again from there. */
  readonly sentMs: number;
  /** How long a consumer remembers what it is done with, in ms: at least as long as channels keep messages. */
  readonly handledMs: number;
  /** How long dead letters wait for a person, in ms. */
  readonly lettersMs: number;
}

// Small bites: a transaction that deletes a million rows would hold up every writer.
const bite = 1_000;

/** Deletes what is older than its retention, one bite of each kind; true when there may be more. */
export async function forgetOld<DB>(
  store: Store<DB>,
  { sentMs, handledMs, lettersMs }: Retention,
  clock: Clock,
): Promise<boolean> {
  const now = clock.now();
  return store.transaction(async (tx) => {
    const db = eventTables(tx);
    const sent = db
      .selectFrom('weft_outbox')
      .select('id')
      .where('sent_at', '<', now - sentMs)
      .limit(bite);
    const outbox = await db
      .deleteFrom('weft_outbox')
      .where('id', 'in', sent)
      .executeTakeFirstOrThrow();
    // By time alone: rows of one moment go together, so a bite may be larger than meant, never endless.
    const oldest = await db
      .selectFrom('weft_inbox')
      .select('handled_at')
      .where('handled_at', '<', now - handledMs)
      .orderBy('handled_at')
      .offset(bite - 1)
      .limit(1)
      .executeTakeFirst();
    const inbox = await db
      .deleteFrom('weft_inbox')
      .where('handled_at', '<=', oldest?.handled_at ?? now - handledMs)
      .executeTakeFirstOrThrow();
    await db
      .deleteFrom('weft_failure')
      .where('failed_at', '<', now - handledMs)
      .executeTakeFirstOrThrow();
    const dead = db
      .selectFrom('weft_dead_letter')
      .select('id')
      .where('died_at', '<', now - lettersMs)
      // One for which its key stands still is all that can make it go on.
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('weft_parked')
              .select('weft_parked.id')
              .whereRef('weft_parked.consumer', '=', 'weft_dead_letter.consumer')
              .whereRef('weft_parked.event_id', '=', 'weft_dead_letter.event_id'),
          ),
        ),
      )
      .limit(bite);
    const letters = await db
      .deleteFrom('weft_dead_letter')
      .where('id', 'in', dead)
      .executeTakeFirstOrThrow();
    const deleted = outbox.numDeletedRows + inbox.numDeletedRows + letters.numDeletedRows;
    return deleted >= BigInt(bite);
  });
}
