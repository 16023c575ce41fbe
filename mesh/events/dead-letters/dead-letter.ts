import { type Random, sortableId } from '../../kernel/random.ts';
import type { Transaction } from '../../store/sql.ts';
import type { Delivery } from '../bus/bus.ts';
import { channelOf } from '../bus/subject.ts';
import { oneLine } from '../one-line.ts';
import { receive } from '../received.ts';
import { eventTables } from '../tables.ts';
import type { FailureHistory } from './failure.ts';

/** An event that a consumer gives up, and why. */
export interface GivenUp {
  readonly consumer: string;
  readonly eventId: string;
  readonly delivery: Delivery;
  readonly history: FailureHistory;
  /** Wall ms. */
  readonly atMs: number;
}

/**
 * Keeps what a consumer could not handle: body and headers as they were, and beside them where it stood, who
 * failed at it, how often, when and why. A row of the consumer's own database, written in the transaction
 * that gives the event up, so that it is neither lost nor too late. An event that dies again after it was
 * replayed keeps its letter, with what the last life taught.
 */
export async function writeDeadLetter<DB>(
  tx: Transaction<DB>,
  { consumer, eventId, delivery, history, atMs }: GivenUp,
  random: Random,
): Promise<void> {
  const { subject, sequence, headers, data } = delivery;
  const { envelope } = receive(delivery);
  const death = {
    state: 'dead' as const,
    failures: history.failures,
    errors: JSON.stringify(history.last),
    first_failed_at: history.firstMs,
    died_at: atMs,
  };
  await eventTables(tx)
    .insertInto('weft_dead_letter')
    .values({
      ...{ id: sortableId(atMs, random), consumer, event_id: eventId },
      ...{ channel: channelOf(subject), subject, sequence },
      // What stands in the headers may hold anything, NUL too; the headers themselves are kept as they were.
      type: oneLine(envelope?.type ?? ''),
      event_key: oneLine(envelope?.key ?? ''),
      source: oneLine(envelope?.source ?? ''),
      published_at: envelope?.timeMs ?? 0,
      headers: JSON.stringify(headers),
      payload: data,
      replayed_at: null,
      ...death,
    })
    .onConflict((conflict) => conflict.columns(['consumer', 'event_id']).doUpdateSet(death))
    .execute();
}
