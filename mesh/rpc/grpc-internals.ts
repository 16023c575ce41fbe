import type { Http2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { type Status, statusName } from '../kernel/status.ts';

/**
 * What grpc-js knows of a call and has no function for. Each is read where it stands in 1.14.7 and does
 * nothing should it ever stand elsewhere; mesh/rpc/grpc-js-surface.test.ts is red then.
 */
interface Internals {
  /** "identity", or the value of grpc-encoding. */
  readonly incomingEncoding?: unknown;
  readonly stream?: unknown;
}

/** An http2.Http2Session, as far as it is one. */
interface Widenable {
  readonly settings?: unknown;
  readonly setLocalWindowSize?: unknown;
}

/** The flag and the length in front of each message of gRPC; grpc-js cuts the message out of the frame, without copying it. */
export const prefixBytes = 5;

/**
 * True for a message with the flag of a compressed one although nobody said how it is compressed. grpc-js
 * takes it as it is, and its bytes for a message: garbage at best.
 */
export function compressedWithoutEncoding(
  call: ServerInterceptingCallInterface,
  message: Buffer,
): boolean {
  if ((call as Internals).incomingEncoding !== 'identity') return false;
  const { buffer, byteOffset } = message;
  return byteOffset >= prefixBytes && new Uint8Array(buffer, byteOffset - prefixBytes, 1)[0] === 1;
}

/** True where the messages of a call come as they are: nothing in its headers says that they may be compressed. */
export function readsPlainly(call: ServerInterceptingCallInterface): boolean {
  return (call as Internals).incomingEncoding === 'identity';
}

/** Ends the stream of a call for both sides; what was sent before still arrives. */
export function resetStream(call: ServerInterceptingCallInterface): void {
  const { stream } = call as Internals;
  if (typeof stream !== 'object' || stream === null || !('close' in stream)) return;
  // NO_ERROR: the answer stands, and the rest of the request is not wanted (RFC 9113, 8.1).
  if (typeof stream.close === 'function') Reflect.apply(stream.close, stream, [0]);
}

/**
 * Lets the caller of this connection have `bytes` under way, on each stream and on all of them, before it waits
 * to hear that they were read; HTTP/2 begins with 65 535. grpc-js has an option for this for clients only.
 */
export function widenWindow(call: ServerInterceptingCallInterface, bytes: number): void {
  const session = fieldOf(fieldOf(call, 'stream'), 'session');
  if (session === undefined) return;
  const { settings, setLocalWindowSize } = session as Widenable;
  if (typeof settings !== 'function' || typeof setLocalWindowSize !== 'function') return;
  Reflect.apply(settings, session, [{ initialWindowSize: bytes }]);
  Reflect.apply(setLocalWindowSize, session, [bytes]);
}

/** True once the stream of a call is closed, as by its caller's reset, which node reports as an end first. */
export function isClosed(call: ServerInterceptingCallInterface): boolean {
  const stream = fieldOf(call, 'stream');
  return stream !== undefined && Reflect.get(stream, 'closed') === true;
}

/** The HTTP/2 session under a call of a server, or under what grpc-js gives the handler of a stream. */
export function sessionOf(call: object): object | undefined {
  return fieldOf(streamOf(call), 'session');
}

/** What stands under `key` at the socket of a session; undefined once they have parted, when node would throw. */
export function socketValue(session: object, key: symbol): unknown {
  try {
    const socket = fieldOf(session, 'socket');
    return socket === undefined ? undefined : Reflect.get(socket, key);
  } catch {
    return undefined;
  }
}

/** The stream under a call of a server of which nothing but the headers was read yet. */
export function serverStream(call: object): Http2Stream | undefined {
  return asStream(fieldOf(call, 'stream'));
}

/** The stream under a call of a client; undefined while grpc-js holds more of what came than the message at hand. */
export function clientStream(call: object): Http2Stream | undefined {
  const reached = attemptOf(call);
  const held = fieldOf(reached, 'unpushedReadMessages');
  const decoder = fieldOf(reached, 'decoder');
  const between = decoder !== undefined && Reflect.get(decoder, 'readState') === 0;
  if (!between || held === undefined || Reflect.get(held, 'length') !== 0) return undefined;
  return asStream(fieldOf(reached, 'http2Stream'));
}

/** A call that keeps what was sent until it has been written. */
interface Buffering {
  readonly writeBuffer?: unknown;
  readonly writeBufferOffset?: unknown;
}

/**
 * The stream under a call of a client, to send straight on it; undefined while grpc-js holds a message that has
 * not been written: it says of a message that it was sent as soon as it has put it into a buffer of its own.
 */
export function clientSendStream(call: object): Http2Stream | undefined {
  const repeating = fieldOf(call, 'child');
  const { writeBuffer, writeBufferOffset } = (repeating ?? {}) as Buffering;
  if (!Array.isArray(writeBuffer) || typeof writeBufferOffset !== 'number') return undefined;
  const attempt = fieldOf(fieldOf(repeating, 'underlyingCalls'), '0');
  const written: unknown = attempt && Reflect.get(attempt, 'nextMessageToSend');
  if (written !== writeBufferOffset + writeBuffer.length) return undefined;
  return asStream(fieldOf(attemptOf(call), 'http2Stream'));
}

/** The stream under a call of a client whose headers have just come, if its messages come as they are. */
export function clientReadStream(call: object): Http2Stream | undefined {
  return decompresses(call) ? undefined : clientStream(call);
}

/** Whether a call of a client unpacks what it is sent; grpc-js hides the header that says so. */
function decompresses(call: object): boolean {
  const filters = fieldOf(fieldOf(call, 'filterStack'), 'filters');
  if (!Array.isArray(filters)) return true;
  const handlers = filters.map((filter: object) => fieldOf(filter, 'receiveCompression'));
  return !handlers.some((handler) => handler?.constructor.name === 'IdentityHandler');
}

/** The only attempt that is left of a call of which something was sent or received: grpc-js repeats it no more. */
function attemptOf(call: object): object | undefined {
  const attempt = fieldOf(fieldOf(fieldOf(call, 'child'), 'underlyingCalls'), '0');
  return fieldOf(fieldOf(attempt, 'call'), 'child');
}

function asStream(found: object | undefined): Http2Stream | undefined {
  return found !== undefined && isStream(found) ? found : undefined;
}

function isStream(found: object): found is Http2Stream {
  return found instanceof Duplex && 'rstCode' in found && !found.destroyed;
}

/** A status that a call was answered with, as its caller sees it. */
export interface SentStatus {
  readonly status: Status;
  readonly message: string;
}

/**
 * The answer that grpc-js has given to a call by itself, as for a message that is too large: it tells nobody,
 * and the call then looks like one that its caller cancelled. Undefined if none was sent. `call` may be the
 * stream object of a handler, which holds the call.
 */
export function sentStatus(call: object): SentStatus | undefined {
  const stream = streamOf(call);
  // Behind a message the status comes in the trailers, without one in the headers.
  for (const place of ['sentTrailers', 'sentHeaders']) {
    const sent = fieldOf(stream, place);
    const code: unknown = sent && Reflect.get(sent, 'grpc-status');
    if (sent === undefined || code === undefined) continue;
    const message = decodeURI(String(Reflect.get(sent, 'grpc-message') ?? ''));
    return { status: statusName(Number(code)), message };
  }
  return undefined;
}

function streamOf(call: object): object | undefined {
  return fieldOf(call, 'stream') ?? fieldOf(fieldOf(call, 'call'), 'stream');
}

function fieldOf(holder: object | undefined, name: string): object | undefined {
  const value: unknown = holder === undefined ? undefined : Reflect.get(holder, name);
  return typeof value === 'object' && value !== null ? value : undefined;
}
