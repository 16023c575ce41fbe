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
  readonly replayedMs: number | undefined;
}

/** A letter as it stands in the database, and what the inbox says of the event. */
export type LetterRow = Selectable<EventTables['weft_dead_letter']> & {
  readonly outcome: EventTables['weft_inbox']['outcome'] | null;
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
