import type { Msg, MsgHdrs } from 'nats';
import type { Delivery, Headers } from '../bus/bus.ts';

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
    headers: headersOf(msg.headers),
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

function headersOf(headers: MsgHdrs | undefined): Headers {
  const record: Record<string, string> = {};
  for (const [name, [value]] of headers ?? []) {
    const lower = name.toLowerCase();
    // What the server and its clients say among themselves is not part of the message.
    if (value !== undefined && !lower.startsWith('nats-')) record[lower] = value;
  }
  return record;
}

/**
 * Where a message stands and how often it was delivered; both are in the subject that acks it. There are
 * two layouts (nats-architecture-and-design, ADR-15):
 *
 *     $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>
 *     $JS.ACK.<domain>.<account>.<stream>.<consumer>.<deliveries>.<stream seq>. ...
 */
export function placeOf(ackSubject: string): {
  readonly sequence: number;
  readonly deliveries: number;
  /** The how-manieth delivery of its consumer it is, from 1. */
  readonly nth: number;
} {
  const tokens = ackSubject.split('.');
  const at = tokens.length === 9 ? 4 : 6;
  const [deliveries = 1, sequence = 0, nth = 0] = tokens.slice(at, at + 3).map(Number);
  return { deliveries, sequence, nth };
}
