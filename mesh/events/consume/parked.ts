import type { Selectable, Transaction } from '../../store/sql.ts';
import type { Delivery, Headers } from '../bus/bus.ts';
import { placeOf } from '../bus/subject.ts';
import { encodeValue } from '../envelope.ts';
import { type EventTables, eventTables } from '../tables.ts';

/** An event that waits in the database of its consumer, where it counts against no limit of the bus. */
export interface ParkedEvent {
  readonly consumer: string;
  readonly eventId: string;
  /** The value of its key field; '' without one. */
  readonly key: string;
  /** As the bus brought it. */
  readonly message: Pick<Delivery, 'subject' | 'headers' | 'data' | 'sequence' | 'deliveries'>;
  /** When it is due, wall ms. */
  readonly notBeforeMs: number;
}

/** Due when somebody says so, wall ms: beyond any clock, and within what all databases count exactly. */
export const never = Number.MAX_SAFE_INTEGER;

export type ParkedRow = Selectable<EventTables['weft_parked']>;

/** Parks an event, or an event that is parked already until another time. */
export async function park<DB>(tx: Transaction<DB>, event: ParkedEvent): Promise<void> {
  const { deliveries, not_before } = rowOf(event);
  const due = { deliveries, not_before, held_until: 0 };
  await eventTables(tx)
    .insertInto('weft_parked')
    .values(rowOf(event))
    .onConflict((conflict) => conflict.columns(['consumer', 'event_id']).doUpdateSet(due))
    .execute();
}

/** Parks an event behind others of its key; one that is parked already stays as it is. */
export async function parkBehind<DB>(
  tx: Transaction<DB>,
  event: Omit<ParkedEvent, 'notBeforeMs'>,
): Promise<void> {
  await eventTables(tx)
    .insertInto('weft_parked')
    .values(rowOf({ ...event, notBeforeMs: 0 }))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

function rowOf({ consumer, eventId, key, message, notBeforeMs }: ParkedEvent) {
  const { subject, headers, data, sequence, deliveries } = message;
  return {
    ...{ consumer, event_id: eventId, place: placeOf(subject), event_key: encodeValue(key) },
    ...{ subject, sequence, deliveries, payload: data, headers: JSON.stringify(headers) },
    not_before: Math.ceil(notBeforeMs),
  };
}

/** Ends the waiting of an event; part of the transaction that is done with it. */
export async function unpark<DB>(
  tx: Transaction<DB>,
  { consumer, eventId }: Pick<ParkedEvent, 'consumer' | 'eventId'>,
): Promise<void> {
  await eventTables(tx)
    .deleteFrom('weft_parked')
    .where('consumer', '=', consumer)
    .where('event_id', '=', eventId)
    .execute();
}

/** A row as the message that it was, one delivery later. */
export function messageOf(row: ParkedRow): ParkedEvent['message'] {
  return {
    subject: row.subject,
    // What `park` wrote.
    headers: JSON.parse(row.headers) as Headers,
    data: row.payload,
    sequence: row.sequence,
    deliveries: row.deliveries + 1,
  };
}
