import type { Msg } from 'nats';
import type { Delivery } from '../bus/bus.ts';
import { headersOf } from './headers.ts';

export interface DeliveryPorts {
  /** Whether the connection that brought the message still stands. */
  readonly isUp: () => boolean;
  readonly onSettled: () => void;
}

/** A JetStream message as a delivery. Source of the words: docs.nats.io, "acknowledging messages". */
export function createDelivery(msg: Msg, { isUp, onSettled }: DeliveryPorts): Delivery {
  const { sequence, deliveries } = placeOf(msg.reply ?? '');
  let settled = false;
  // Without a connection the client would drop it silently; the message comes again by itself.
  const say = (words: string): void => {
    if (isUp()) msg.respond(words);
  };
  const settle = (words: string): void => {
    if (settled) return;
    settled = true;
    say(words);
    onSettled();
  };
  return {
    subject: msg.subject,
    headers: headersOf(msg),
    data: msg.data,
    sequence,
    deliveries,
    ack: () => {
      settle('+ACK');
    },
    nak: (delayMs = 0) => {
      const delay = Math.round(delayMs) * 1_000_000;
      settle(delay > 0 ? `-NAK ${JSON.stringify({ delay })}` : '-NAK');
    },
    working: () => {
      if (!settled) say('+WPI');
    },
  };
}

/**
 * Where a message stands and how often it was delivered; both are in the subject that acks it. There are
 * two layouts (nats-architecture-and-design, ADR-15):
 *
 *     $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
 *     $JS.ACK.<domain>.<account>.<stream>.<consumer>.<deliveries>.<stream seq>. ...
 */
export function placeOf(ackSubject: string): Place {
  const tokens = ackSubject.split('.');
  const at = tokens.length === 9 ? 4 : 6;
  const number = (i: number, absent = 0): number => Number(tokens[at + i] ?? absent);
  return { deliveries: number(0, 1), sequence: number(1), nth: number(2), pending: number(4) };
}

interface Place {
  readonly sequence: number;
  readonly deliveries: number;
  /** The how-manieth delivery of its consumer it is, from 1. */
  readonly nth: number;
  /** How many more stood behind it when it left. */
  readonly pending: number;
}
