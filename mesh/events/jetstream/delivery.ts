import type { Msg } from 'nats';
import type { Delivery } from '../bus/bus.ts';
import type { Acks } from './acks.ts';
import { lazyHeaders } from './headers.ts';

export interface DeliveryPorts {
  /** Whether the connection that brought the message still stands. */
  readonly isUp: () => boolean;
  readonly acks: Acks;
  readonly onSettled: () => void;
}

/** A JetStream message as a delivery. Source of the words: docs.nats.io, "acknowledging messages". */
export function createDelivery(msg: Msg, { isUp, acks, onSettled }: DeliveryPorts): Delivery {
  const { sequence, deliveries } = placeOf(msg.reply ?? '');
  let settled = false;
  // Without a connection the client would drop it silently; the message comes again by itself.
  const say = (words: string): void => {
    if (isUp()) msg.respond(words);
  };
  const ack = (): void => {
    say('+ACK');
  };
  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    return true;
  };
  return {
    subject: msg.subject,
    headers: lazyHeaders(msg).all(),
    data: msg.data,
    sequence,
    deliveries,
    ack: () => {
      if (!settle()) return;
      acks.send(ack);
      onSettled();
    },
    nak: (delayMs = 0) => {
      if (!settle()) return;
      const delay = Math.round(delayMs) * 1_000_000;
      say(delay > 0 ? `-NAK ${JSON.stringify({ delay })}` : '-NAK');
      onSettled();
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
  const place = { deliveries: 1, sequence: 0, nth: 0, pending: 0 };
  const begin = dotsIn(ackSubject) === 8 ? 4 : 6;
  let token = 0;
  let value = 0;
  // Digit by digit, without taking the text apart: it is done for every message.
  for (let i = 0; i <= ackSubject.length; i++) {
    const code = i < ackSubject.length ? ackSubject.charCodeAt(i) : dot;
    if (code !== dot) {
      value = value * 10 + code - zero;
      continue;
    }
    if (token === begin) place.deliveries = value;
    else if (token === begin + 1) place.sequence = value;
    else if (token === begin + 2) place.nth = value;
    else if (token === begin + 4) place.pending = value;
    token++;
    value = 0;
  }
  return place;
}

const dot = 46;
const zero = 48;

function dotsIn(text: string): number {
  let dots = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === dot) dots++;
  return dots;
}

interface Place {
  readonly sequence: number;
  readonly deliveries: number;
  /** The how-manieth delivery of its consumer it is, from 1. */
  readonly nth: number;
  /** How many more stood behind it when it left. */
  readonly pending: number;
}
