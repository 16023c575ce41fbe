import { type Baggage, formatBaggage, parseBaggage } from '../kernel/baggage.ts';
import {
  type Context,
  formatTraceparent,
  parseTraceparent,
  type TraceContext,
} from '../kernel/context.ts';
import { checkServiceName } from '../kernel/names.ts';
import type { Headers } from './bus/bus.ts';

/** What is known of a message beside its body. */
export interface Envelope {
  /** Unique among all messages of the source. */
  readonly id: string;
  /** The full name of the message type, as "shop.orders.v1.OrderConfirmed". */
  readonly type: string;
  /** The service that published it, as "orders". */
  readonly source: string;
  /** When it was published, in wall ms of the publisher. */
  readonly timeMs: number;
  /** The value of the message's key field, as the order id. */
  readonly key: string;
  /** The span that published it. */
  readonly trace?: TraceContext;
  /** What the work that published it was told of its circumstances. */
  readonly baggage?: Baggage;
  /** The conversation that it belongs to: the id of the message that began it, its own if it did. */
  readonly correlationId?: string;
  /** The id of the message that it follows from: that was being handled, or that it replies to. */
  readonly causationId?: string;
  /** The service that waits for a reply, as "waiter". */
  readonly replyTo?: string;
  /** When nobody wants it any more, in wall ms of the publisher. */
  readonly expiresMs?: number;
}

// An id becomes a primary key and part of a header: no novels, no control characters.
const usableId = /^\P{Cc}{1,200}$/u;

/**
 * CloudEvents 1.0 in binary mode: attributes are headers, the data is the bare message. Conversation, cause
 * and expiry stand in the extensions that CloudEvents has for them (correlationid, causationid, expirytime);
 * it has none for replies. `dataschema` is the type as a URI. traceparent and tracestate are the attributes of its
 * distributed tracing extension, under the bare names by which tracing libraries look for them on a message, as
 * they do for baggage, of which CloudEvents knows nothing.
 */
export function toHeaders(envelope: Envelope): Headers {
  const { trace, baggage, correlationId, causationId, replyTo, expiresMs } = envelope;
  const type = encodeValue(envelope.type);
  return {
    'ce-specversion': '1.0',
    'ce-id': encodeValue(envelope.id),
    'ce-type': type,
    'ce-source': encodeValue(envelope.source),
    'ce-time': new Date(envelope.timeMs).toISOString(),
    'ce-dataschema': `proto:${type}`,
    'content-type': 'application/protobuf',
    'weft-key': encodeValue(envelope.key),
    ...contextHeaders({ trace, baggage }),
    ...(correlationId !== undefined && { 'ce-correlationid': encodeValue(correlationId) }),
    ...(causationId !== undefined && { 'ce-causationid': encodeValue(causationId) }),
    ...(expiresMs !== undefined && { 'ce-expirytime': new Date(expiresMs).toISOString() }),
    ...(replyTo !== undefined && { 'weft-reply-to': encodeValue(replyTo) }),
  };
}

/** What a message carries of the work that published it. */
export function contextHeaders({ trace, baggage }: Pick<Context, 'trace' | 'baggage'>): Headers {
  const carried = baggage && formatBaggage(baggage);
  return {
    ...(trace && { traceparent: formatTraceparent(trace) }),
    ...(trace?.state !== undefined && { tracestate: trace.state }),
    ...(carried !== undefined && { baggage: carried }),
  };
}

/**
 * Reads an envelope; undefined without a usable id and type: nobody could say what the message is. What else
 * is missing or makes no sense is left out.
 */
export function fromHeaders(headers: Headers): Envelope | undefined {
  const id = decodeValue(headers['ce-id']);
  const type = decodeValue(headers['ce-type']);
  if (!usableId.test(id) || type === '') return undefined;
  const expiresMs = timeOf(headers['ce-expirytime']);
  const trace = traceOf(headers);
  const baggage = headers['baggage'] === undefined ? undefined : parseBaggage(headers['baggage']);
  const correlationId = idOf(headers['ce-correlationid']);
  const causationId = idOf(headers['ce-causationid']);
  const replyTo = serviceOf(headers['weft-reply-to']);
  return {
    id,
    type,
    source: decodeValue(headers['ce-source']),
    timeMs: timeOf(headers['ce-time']) ?? 0,
    key: decodeValue(headers['weft-key'] ?? headers['ce-partitionkey']),
    ...(trace && { trace }),
    ...(baggage && { baggage }),
    ...(correlationId !== undefined && { correlationId }),
    ...(causationId !== undefined && { causationId }),
    ...(replyTo !== undefined && { replyTo }),
    ...(expiresMs !== undefined && { expiresMs }),
  };
}

/** Bare, or as attributes of CloudEvents: then both are, for a state belongs to its trace. */
function traceOf(headers: Headers): TraceContext | undefined {
  const bare = headers['traceparent'];
  if (bare !== undefined) return parseTraceparent(bare, headers['tracestate']);
  return parseTraceparent(headers['ce-traceparent'], headers['ce-tracestate']);
}

function timeOf(header: string | undefined): number | undefined {
  const ms = Date.parse(header ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function idOf(header: string | undefined): string | undefined {
  const id = decodeValue(header);
  return usableId.test(id) ? id : undefined;
}

/** Becomes part of a subject, so it is checked before anybody joins it. */
function serviceOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  try {
    return checkServiceName(decodeValue(header));
  } catch {
    return undefined;
  }
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
