import type { Image } from '../../schema/image.ts';
import { bytesToJson } from '../../schema/json.ts';
import type { Selectable } from '../../store/sql.ts';
import type { Headers } from '../bus/bus.ts';
import { bytesOf, receive } from '../received.ts';
import type { EventTables } from '../tables.ts';
import { type Failure, readFailures } from './failure.ts';

/** An event that a consumer gave up. Times are wall ms. */
export interface DeadLetter {
  /** Unique among all services; sorts by the time of the first death. */
  readonly id: string;
  readonly consumer: string;
  readonly eventId: string;
  /**
   * "dead": it waits for a person; "replayed": its consumer has it again; "handled": and is done with it.
   */
  readonly state: 'dead' | 'replayed' | 'handled';
  readonly channel: string;
  readonly subject: string;
  readonly sequence: number;
  /** As this and the next three: '' and 0 when the event did not say. */
  readonly type: string;
  readonly key: string;
  readonly source: string;
  readonly publishedMs: number;
  /** The trace in which it was published. */
  readonly traceId: string | undefined;
  readonly headers: Headers;
  readonly payload: Uint8Array;
  readonly firstFailedMs: number;
  readonly diedMs: number;
  /** How often the consumer failed at it, since it was published or replayed. */
  readonly failures: number;
  /** The last of them, oldest first. */
  readonly lastFailures: readonly Failure[];
  readonly replays: number;
  /**
   * How many later events of its key wait until it is replayed or dropped; undefined: the key has not stopped for
   * it, and goes on.
   */
  readonly keyWaits: number | undefined;
  readonly replayedMs: number | undefined;
}

/** A letter as it stands in the database, and what inbox and parked events say of it. */
export type LetterRow = Selectable<EventTables['weft_dead_letter']> & {
  readonly outcome: EventTables['weft_inbox']['outcome'] | null;
  /** The parked events of its key, if it is among them and stops the others. Text from PostgreSQL. */
  readonly held: number | string | null;
};

export function letterOf(row: LetterRow): DeadLetter {
  // What `writeDeadLetter` wrote.
  const headers = JSON.parse(row.headers) as Headers;
  return {
    ...{ id: row.id, consumer: row.consumer, eventId: row.event_id },
    state: row.outcome === null || row.outcome === 'dead' ? row.state : 'handled',
    ...{ channel: row.channel, subject: row.subject, sequence: row.sequence },
    ...{ type: row.type, key: row.event_key, source: row.source, publishedMs: row.published_at },
    traceId: receive({ headers, data: row.payload }).envelope?.trace?.traceId,
    ...{ headers, payload: row.payload },
    ...{ firstFailedMs: row.first_failed_at, diedMs: row.died_at, failures: row.failures },
    ...{ lastFailures: readFailures(row.errors), replays: row.replays },
    // It is one of them itself.
    keyWaits: Number(row.held) > 0 ? Number(row.held) - 1 : undefined,
    replayedMs: row.replayed_at ?? undefined,
  };
}

/** The body as proto3 JSON; undefined when the schema does not know the type, or it is no such message. */
export function bodyJson(
  { headers, payload, type }: DeadLetter,
  image: Pick<Image, 'registry'>,
): string | undefined {
  try {
    const { body } = receive({ headers, data: payload });
    return bytesToJson(image, type, bytesOf(body, type, image));
  } catch {
    return undefined;
  }
}
