import type { Clock } from '../../kernel/clock.ts';
import { prepare } from '../../store/prepared.ts';
import type { Transaction } from '../../store/sql.ts';
import type { Store } from '../../store/store.ts';
import { type Failure, type FailureHistory, withFailure } from '../dead-letters/failure.ts';
import { type EventTables, eventTables } from '../tables.ts';

/** What one consumer is done with, and what it failed at. */
export interface Inbox<DB> {
  /**
   * Runs `effect` unless the event was handled before, in one transaction with the note that it is handled
   * now: whatever is delivered twice, also to two processes at the same moment, has one effect.
   */
  once(
    eventId: string,
    effect: (tx: Transaction<DB>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<'done' | 'duplicate'>;
  /** Notes that an event came too late to be handled, unless it was handled before. */
  expired(eventId: string, signal: AbortSignal): Promise<'expired' | 'duplicate'>;
  /**
   * Counts a failure of an event and keeps what it was. At the `limit`-th one the consumer is done with it:
   * `giveUp` runs in the same transaction, so that an event is never both given up and handled again.
   */
  failed(
    failed: { readonly eventId: string; readonly failure: Failure; readonly limit: number },
    giveUp: (tx: Transaction<DB>, history: FailureHistory) => Promise<void>,
  ): Promise<number>;
}

export function createInbox<DB>(store: Store<DB>, consumer: string, clock: Clock): Inbox<DB> {
  type NewRow = Omit<EventTables['weft_inbox'], 'consumer'>;
  const insert = prepare(eventTables(store.db), (db, it: NewRow) =>
    db
      .insertInto('weft_inbox')
      .values({
        consumer,
        event_id: it.event_id,
        outcome: it.outcome,
        handled_at: it.handled_at,
      })
      .onConflict((conflict) => conflict.doNothing()),
  );
  const note = async (
    tx: Transaction<DB>,
    event_id: string,
    outcome: 'done' | 'dead' | 'expired',
  ): Promise<boolean> => {
    const handled_at = clock.now();
    const { touched } = await insert(eventTables(tx), { event_id, outcome, handled_at });
    return touched === 1;
  };
  return {
    once: (eventId, effect, signal) =>
      store.grouped(async (tx) => {
        // First, so that a second delivery at the same moment waits here for the first one's commit.
        if (!(await note(tx, eventId, 'done'))) return 'duplicate';
        await effect(tx);
        return 'done';
      }, signal),
    expired: (eventId, signal) =>
      store.transaction(
        async (tx) => ((await note(tx, eventId, 'expired')) ? 'expired' : 'duplicate'),
        signal,
      ),
    failed: ({ eventId, failure, limit }, giveUp) =>
      store.transaction(async (tx) => {
        const history = await count(tx, { consumer, eventId, failure });
        const { failures } = history;
        if (failures < limit) return failures;
        // Handled meanwhile by another delivery of it: then it is no dead letter.
        if (await note(tx, eventId, 'dead')) await giveUp(tx, history);
        await eventTables(tx)
          .deleteFrom('weft_failure')
          .where('consumer', '=', consumer)
          .where('event_id', '=', eventId)
          .execute();
        return failures;
      }),
  };
}

async function count<DB>(
  tx: Transaction<DB>,
  failed: { readonly consumer: string; readonly eventId: string; readonly failure: Failure },
): Promise<FailureHistory> {
  const db = eventTables(tx);
  const { consumer, eventId: event_id, failure } = failed;
  const { atMs } = failure;
  // First, so that a second failure at the same moment waits here for this one's commit.
  const { failures, errors, first_failed_at } = await db
    .insertInto('weft_failure')
    .values({ consumer, event_id, failures: 1, first_failed_at: atMs, failed_at: atMs })
    .onConflict((conflict) =>
      conflict.columns(['consumer', 'event_id']).doUpdateSet((row) => ({
        failures: row('weft_failure.failures', '+', 1),
        failed_at: atMs,
      })),
    )
    .returning(['failures', 'errors', 'first_failed_at'])
    .executeTakeFirstOrThrow();
  const last = withFailure(errors, failure);
  await db
    .updateTable('weft_failure')
    .set({ errors: JSON.stringify(last) })
    .where('consumer', '=', consumer)
    .where('event_id', '=', event_id)
    .execute();
  return { failures, firstMs: first_failed_at, last };
}
