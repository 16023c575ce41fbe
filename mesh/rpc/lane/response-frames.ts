import type { Metadata } from '../../kernel/call.ts';
import type { Encoded } from '../encode.ts';
import { type Batch, putBytes, putVarint, varintSize } from './batch.ts';
import { Cursor } from './cursor.ts';
import { readEntry } from './entries.ts';

/* ExchangeResponse by hand, for the reason that request-frames.ts gives. */

const replies = 18;
const goAway = 26;
const id = 8;
const status = 16;
const message = 26;
const body = 34;
const details = 58;
const pushbackMs = 64;
const refused = 72;
/** The tags of the metadata of a reply; for `packEntries`. */
export const headerTag = 42;
export const trailerTag = 50;

/** How a call failed, as it travels. */
export interface Failure {
  readonly status: number;
  readonly message: string;
  /** An encoded google.rpc.Status; empty: none. */
  readonly details: Uint8Array;
  readonly pushbackMs: number | undefined;
  /** No handler has seen the call. */
  readonly refused: boolean;
}

/** A reply as the server writes it. */
export interface OutgoingReply {
  readonly id: number;
  readonly body: Encoded;
  /** Undefined: OK. */
  readonly failure: Failure | undefined;
  /** Packed entries, headers and trailers; undefined: no metadata. */
  readonly metadata: Uint8Array | undefined;
}

/** Adds a reply to the batch. */
export function putReply(batch: Batch, reply: OutgoingReply): void {
  const { metadata } = reply;
  const failed = reply.failure === undefined ? undefined : packFailure(reply.failure);
  const bodyLength = reply.body.length;
  let size = 1 + varintSize(reply.id) + (metadata?.length ?? 0) + (failed?.length ?? 0);
  if (bodyLength > 0) size += 1 + varintSize(bodyLength) + bodyLength;
  batch.reserve(6 + size);
  const { slab } = batch;
  slab[batch.at++] = replies;
  let at = putVarint(slab, batch.at, size);
  slab[at++] = id;
  at = putVarint(slab, at, reply.id);
  if (failed !== undefined) at = putBytes(slab, at, failed);
  if (bodyLength > 0) {
    slab[at++] = body;
    at = putVarint(slab, at, bodyLength);
    at = putBytes(slab, at, reply.body.bytes, bodyLength);
  }
  if (metadata !== undefined) at = putBytes(slab, at, metadata);
  batch.at = at;
  batch.count++;
}

/** The fields of a reply that failed: rare, so it may allocate. */
function packFailure(failure: Failure): Uint8Array {
  const text = Buffer.from(failure.message);
  const into = Buffer.alloc(32 + text.length + failure.details.length);
  let at = putVarint(into, 0, status);
  at = putVarint(into, at, failure.status);
  at = putVarint(into, at, message);
  at = putBytes(into, putVarint(into, at, text.length), text);
  if (failure.details.length > 0) {
    at = putVarint(into, at, details);
    at = putBytes(into, putVarint(into, at, failure.details.length), failure.details);
  }
  if (failure.pushbackMs !== undefined) {
    at = putVarint(into, at, pushbackMs);
    at = putVarint(into, at, zigzag(failure.pushbackMs));
  }
  if (failure.refused) {
    at = putVarint(into, at, refused);
    into[at++] = 1;
  }
  return into.subarray(0, at);
}

/** Adds the end of the lane to the batch. */
export function putGoAway(batch: Batch, lastId: number): void {
  batch.reserve(8);
  let at = putVarint(batch.slab, batch.at, goAway);
  at = putVarint(batch.slab, at, 1 + varintSize(lastId));
  batch.slab[at++] = id;
  batch.at = putVarint(batch.slab, at, lastId);
  batch.count++;
}

/** sint32: small numbers of either sign are short. */
function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

/**
 * A reply as the client reads it; one object for all replies of a message, so take what is needed before the
 * next one.
 */
export interface IncomingReply {
  id: number;
  status: number;
  message: string;
  /** Where the body begins in the message, and where it ends. */
  bodyStart: number;
  bodyEnd: number;
  header: Metadata | undefined;
  trailer: Metadata | undefined;
  /** An encoded google.rpc.Status, as a view. */
  details: Uint8Array | undefined;
  pushbackMs: number | undefined;
  refused: boolean;
}

/** The frames of an ExchangeResponse, one after the other. */
export class ResponseReader {
  readonly #from: Cursor;
  /** What `next` has found. */
  readonly reply: IncomingReply = blank();
  lastId = 0;

  constructor(bytes: Buffer) {
    this.#from = new Cursor(bytes);
  }

  /** What comes next: a `reply`, or the end of the lane with its `lastId`. Throws MALFORMED_LANE. */
  next(): 'reply' | 'go-away' | undefined {
    const from = this.#from;
    while (from.at < from.end) {
      const tag = from.varint();
      if (tag === replies) {
        readReply(from, this.reply);
        return 'reply';
      }
      if (tag === goAway) {
        this.lastId = readGoAway(from);
        return 'go-away';
      }
      from.skip(tag);
    }
    return undefined;
  }
}

function blank(): IncomingReply {
  return {
    id: 0,
    status: 0,
    message: '',
    bodyStart: 0,
    bodyEnd: 0,
    header: undefined,
    trailer: undefined,
    details: undefined,
    pushbackMs: undefined,
    refused: false,
  };
}

function readReply(from: Cursor, reply: IncomingReply): void {
  const { end } = from;
  const length = from.length();
  from.end = from.at + length;
  reply.id = 0;
  reply.status = 0;
  reply.message = '';
  reply.bodyStart = from.at;
  reply.bodyEnd = from.at;
  reply.header = undefined;
  reply.trailer = undefined;
  reply.details = undefined;
  reply.pushbackMs = undefined;
  reply.refused = false;
  while (from.at < from.end) readReplyField(from, reply);
  from.end = end;
}

function readReplyField(from: Cursor, reply: IncomingReply): void {
  const tag = from.varint();
  switch (tag) {
    case id:
      reply.id = from.varint();
      break;
    case status:
      reply.status = from.varint();
      break;
    case body: {
      const length = from.length();
      reply.bodyStart = from.at;
      from.at += length;
      reply.bodyEnd = from.at;
      break;
    }
    case headerTag:
      reply.header = readEntry(from, reply.header);
      break;
    case trailerTag:
      reply.trailer = readEntry(from, reply.trailer);
      break;
    default:
      readFailureField(from, reply, tag);
  }
}

function readFailureField(from: Cursor, reply: IncomingReply, tag: number): void {
  switch (tag) {
    case message:
      reply.message = from.text();
      break;
    case details:
      reply.details = from.view();
      break;
    case pushbackMs: {
      const coded = from.varint();
      reply.pushbackMs = (coded >>> 1) ^ -(coded & 1);
      break;
    }
    case refused:
      reply.refused = from.varint() !== 0;
      break;
    default:
      from.skip(tag);
  }
}

function readGoAway(from: Cursor): number {
  const { end } = from;
  const length = from.length();
  from.end = from.at + length;
  let lastId = 0;
  while (from.at < from.end) {
    const tag = from.varint();
    if (tag === id) lastId = from.varint();
    else from.skip(tag);
  }
  from.end = end;
  return lastId;
}
