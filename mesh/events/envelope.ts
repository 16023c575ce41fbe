import { formatTraceparent, parseTraceparent, type TraceContext } from '../kernel/context.ts';
import type { Headers } from './bus/bus.ts';

/** What is known of an event beside its message. */
export interface Envelope {
  /** Unique among all events of the source. */
  readonly id: string;
  /** The full name of the message type, as "shop.orders.v1.OrderConfirmed". */
  readonly type: string;
  /** The service that published it, as "orders". */
  readonly source: string;
  /** When it was published, in wall ms of the publisher. */
  readonly timeMs: number;
  /** The value of the event's key field, as the order id. */
  readonly key: string;
  /** The span that published it. */
  readonly trace?: TraceContext;
}

// An id becomes a primary key and part of a header: no novels, no control characters.
const usableId = /^\P{Cc}{1,200}$/u;

/** CloudEvents 1.0 in binary mode: attributes are headers, the data is the bare message. */
export function toHeaders(envelope: Envelope): Headers {
  return {
    'ce-specversion': '1.0',
    'ce-id': encodeValue(envelope.id),
    'ce-type': encodeValue(envelope.type),
    'ce-source': encodeValue(envelope.source),
    'ce-time': new Date(envelope.timeMs).toISOString(),
    'content-type': 'application/protobuf',
    'weft-key': encodeValue(envelope.key),
    ...(envelope.trace && { traceparent: formatTraceparent(envelope.trace) }),
  };
}

/** Reads an envelope; undefined without a usable id and type: nobody could say what the message is. */
export function fromHeaders(headers: Headers): Envelope | undefined {
  const id = decodeValue(headers['ce-id']);
  const type = decodeValue(headers['ce-type']);
  if (!usableId.test(id) || type === '') return undefined;
  const timeMs = Date.parse(headers['ce-time'] ?? '');
  const trace = parseTraceparent(headers['traceparent']);
  return {
    id,
    type,
    source: decodeValue(headers['ce-source']),
    timeMs: Number.isNaN(timeMs) ? 0 : timeMs,
    key: decodeValue(headers['weft-key']),
    ...(trace && { trace }),
  };
}

// What may stand in a header as it is: visible ASCII without the two that carry the encoding.
const plain = /^[!#-$&-~]*$/;

/**
 * A value as it may stand in a header: whatever is not visible ASCII is percent-encoded, as the HTTP
 * binding of CloudEvents does. So no value can break out of its line.
 */
export function encodeValue(value: string): string {
  if (plain.test(value)) return value;
  // A lone surrogate has no UTF-8; it would throw.
  return encodeURIComponent(value.toWellFormed());
}

function decodeValue(value: string | undefined): string {
  if (value?.includes('%') !== true) return value ?? '';
  try {
    return decodeURIComponent(value);
  } catch {
    // Written by someone who does not encode: then it means what it says.
    return value;
  }
}
