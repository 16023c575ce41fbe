import type { Metadata } from '../../kernel/call.ts';
import { formatTraceparent, type TraceContext } from '../../kernel/context.ts';
import type { Encoded } from '../encode.ts';
import { type Batch, putBytes, putVarint, varintSize } from './batch.ts';
import { Cursor } from './cursor.ts';
import { noMetadata, readEntry } from './entries.ts';

/*
 * ExchangeRequest by hand: a codec that is generated builds an object for every frame, and spends on them
 * twice of what the call itself costs. frames.test.ts proves that both say the same.
 */

/** Tags: field number << 3 | wire type. */
const calls = 18;
const cancel = 24;
const cancelsPacked = 26;
const id = 8;
const method = 16;
const timeoutMs = 24;
const traceparent = 34;
const previousAttempts = 40;
const body = 58;
/** Written with the metadata, see `packBeside`. */
export const tracestateTag = 66;
export const baggageTag = 74;
/** The tag of the metadata of a call; for `packEntries`. */
export const callMetadataTag = 50;

/** A call as the client writes it. */
export interface OutgoingCall {
  readonly id: number;
  readonly method: number;
  /** 0: no bound. */
  readonly timeoutMs: number;
  readonly trace: TraceContext;
  readonly previousAttempts: number;
  /** Packed entries, tracestate and baggage; undefined: none of them. */
  readonly metadata: Uint8Array | undefined;
  readonly body: Encoded;
}

/** Most that a call takes beside its body and its metadata: 55 is the length of a traceparent. */
export const callOverhead = 6 + 6 + 6 + 6 + 2 + 55 + 6 + 6;

/** Adds a call to the batch. */
export function putCall(batch: Batch, call: OutgoingCall): void {
  const { metadata } = call;
  const bodyLength = call.body.length;
  const trace = formatTraceparent(call.trace);
  const size = sizeOfCall(call, trace);
  batch.reserve(6 + size);
  const { slab } = batch;
  slab[batch.at++] = calls;
  let at = putVarint(slab, batch.at, size);
  slab[at++] = id;
  at = putVarint(slab, at, call.id);
  if (call.method > 0) {
    slab[at++] = method;
    at = putVarint(slab, at, call.method);
  }
  if (call.timeoutMs > 0) {
    slab[at++] = timeoutMs;
    at = putVarint(slab, at, call.timeoutMs);
  }
  slab[at++] = traceparent;
  at = putVarint(slab, at, trace.length);
  at += slab.write(trace, at, trace.length, 'latin1');
  if (call.previousAttempts > 0) {
    slab[at++] = previousAttempts;
    at = putVarint(slab, at, call.previousAttempts);
  }
  if (metadata !== undefined) at = putBytes(slab, at, metadata);
  if (bodyLength > 0) {
    slab[at++] = body;
    at = putVarint(slab, at, bodyLength);
    at = putBytes(slab, at, call.body.bytes, bodyLength);
  }
  batch.at = at;
  batch.count++;
}

function sizeOfCall(call: OutgoingCall, trace: string): number {
  const { length } = call.body;
  let size = 1 + varintSize(call.id) + 1 + varintSize(trace.length) + trace.length;
  if (call.method > 0) size += 1 + varintSize(call.method);
  if (call.timeoutMs > 0) size += 1 + varintSize(call.timeoutMs);
  if (call.previousAttempts > 0) size += 1 + varintSize(call.previousAttempts);
  if (call.metadata !== undefined) size += call.metadata.length;
  if (length > 0) size += 1 + varintSize(length) + length;
  return size;
}

/** Adds a cancel to the batch. */
export function putCancel(batch: Batch, call: number): void {
  batch.reserve(6);
  batch.slab[batch.at++] = cancel;
  batch.at = putVarint(batch.slab, batch.at, call);
  batch.count++;
}

/**
 * A call as the server reads it; one object for all calls of a message, so take what is needed before the next
 * one.
 */
export interface IncomingCall {
  id: number;
  method: number;
  timeoutMs: number;
  traceparent: string | undefined;
  tracestate: string | undefined;
  baggage: string | undefined;
  previousAttempts: number;
  metadata: Metadata;
  /** Where the body begins in the message, and where it ends. */
  bodyStart: number;
  bodyEnd: number;
}

/** The frames of an ExchangeRequest, one after the other. */
export class RequestReader {
  readonly #from: Cursor;
  /** The call that `next` has found. */
  readonly call: IncomingCall = blank();
  /** The id of the cancel that it has found. */
  cancelled = 0;
  /** Where a list of cancels ends that is being read. */
  #cancelsEnd = 0;

  constructor(message: Buffer) {
    this.#from = new Cursor(message);
  }

  /** What comes next: a `call`, or a cancel, see `cancelled`; undefined at the end. Throws MALFORMED_LANE. */
  next(): 'call' | 'cancel' | undefined {
    const from = this.#from;
    if (from.at < this.#cancelsEnd) return this.#cancel();
    while (from.at < from.end) {
      const tag = from.varint();
      if (tag === calls) {
        readCall(from, this.call);
        return 'call';
      }
      if (tag === cancel) return this.#cancel();
      if (tag === cancelsPacked) {
        const length = from.length();
        this.#cancelsEnd = from.at + length;
        if (length > 0) return this.#cancel();
      } else from.skip(tag);
    }
    return undefined;
  }

  #cancel(): 'cancel' {
    this.cancelled = this.#from.varint();
    return 'cancel';
  }
}

function blank(): IncomingCall {
  return {
    id: 0,
    method: 0,
    timeoutMs: 0,
    traceparent: undefined,
    tracestate: undefined,
    baggage: undefined,
    previousAttempts: 0,
    metadata: noMetadata,
    bodyStart: 0,
    bodyEnd: 0,
  };
}

function readCall(from: Cursor, call: IncomingCall): void {
  const { end } = from;
  const length = from.length();
  from.end = from.at + length;
  call.id = 0;
  call.method = 0;
  call.timeoutMs = 0;
  call.traceparent = undefined;
  call.tracestate = undefined;
  call.baggage = undefined;
  call.previousAttempts = 0;
  call.metadata = noMetadata;
  call.bodyStart = from.at;
  call.bodyEnd = from.at;
  while (from.at < from.end) readCallField(from, call);
  from.end = end;
}

function readCallField(from: Cursor, call: IncomingCall): void {
  const tag = from.varint();
  switch (tag) {
    case id:
      call.id = from.varint();
      break;
    case method:
      call.method = from.varint();
      break;
    case timeoutMs:
      call.timeoutMs = from.varint();
      break;
    case traceparent:
      call.traceparent = from.ascii();
      break;
    case previousAttempts:
      call.previousAttempts = from.varint();
      break;
    case callMetadataTag:
      call.metadata = readEntry(from, call.metadata === noMetadata ? undefined : call.metadata);
      break;
    case body: {
      const length = from.length();
      call.bodyStart = from.at;
      from.at += length;
      call.bodyEnd = from.at;
      break;
    }
    case tracestateTag:
      call.tracestate = from.ascii();
      break;
    case baggageTag:
      call.baggage = from.ascii();
      break;
    default:
      from.skip(tag);
  }
}
