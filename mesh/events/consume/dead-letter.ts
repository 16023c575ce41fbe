import type { MeshError } from '../../kernel/error.ts';
import type { Delivery, Outgoing } from '../bus/bus.ts';
import { channelOf, deadLetterSubject, deadLetters } from '../bus/subject.ts';
import { encodeValue } from '../envelope.ts';
import { oneLine } from '../one-line.ts';

export interface DeadLetterFacts {
  readonly consumer: string;
  readonly eventId: string;
  readonly error: MeshError;
  /** How often the consumer failed at it. */
  readonly failures: number;
  /** Wall ms. */
  readonly atMs: number;
}

/**
 * The message that keeps what a consumer could not handle: body and headers as they were, and beside them
 * why, who, when and where it stood. It goes out through the outbox, in the transaction that gives the
 * event up, so it is neither lost nor armed too late.
 */
export function deadLetter(delivery: Delivery, facts: DeadLetterFacts): Outgoing {
  const { consumer, eventId, error, failures, atMs } = facts;
  return {
    channel: deadLetters.name,
    subject: deadLetterSubject(channelOf(delivery.subject), consumer),
    id: `${deadLetters.name}/${consumer}/${encodeValue(eventId)}`,
    headers: {
      ...delivery.headers,
      'weft-dead-reason': oneLine(error.reason ?? error.status),
      'weft-dead-error': oneLine(error.message),
      'weft-dead-deliveries': String(failures),
      'weft-dead-consumer': consumer,
      'weft-dead-at': new Date(atMs).toISOString(),
      'weft-dead-subject': delivery.subject,
      'weft-dead-sequence': String(delivery.sequence),
    },
    data: delivery.data,
  };
}
