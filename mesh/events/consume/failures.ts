import type { Transaction } from '../../store/sql.ts';
import { type Failure, type FailureHistory, withFailure } from '../dead-letters/failure.ts';
import { eventTables } from '../tables.ts';

interface Failed {
  readonly consumer: string;
  readonly eventId: string;
}

/** Counts a failure of a consumer at an event; gives all that is known of them. */
export async function countFailure<DB>(
  tx: Transaction<DB>,
  failed: Failed & { readonly failure: Failure },
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

/** The consumer is done with the event. */
export async function forgetFailures<DB>(
  tx: Transaction<DB>,
  { consumer, eventId }: Failed,
): Promise<void> {
  await eventTables(tx)
    .deleteFrom('weft_failure')
    .where('consumer', '=', consumer)
    .where('event_id', '=', eventId)
    .execute();
}
