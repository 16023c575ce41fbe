import { type Channel, Metadata as GrpcMetadata } from '@grpc/grpc-js';
import { formatBaggage } from '../../kernel/baggage.ts';
import type { Metadata } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { formatTraceparent } from '../../kernel/context.ts';
import { type Deadline, remainingMs } from '../../kernel/deadline.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import { decodeMessage } from '../decode.ts';
import { type Encoded, encodeShared, ownBytes } from '../encode.ts';
import { fromGrpcMetadata, isEmpty, toGrpcMetadata } from '../metadata.ts';
import { type CallFacts, withoutStatusEntries } from '../status.ts';
import type { AttemptContext } from '../transport.ts';
import { localError, type WireCall } from './outcome.ts';

/** What one attempt needs of its connection. */
export interface Wire {
  readonly channel: Channel;
  readonly clock: Clock;
  /** Largest message sent, in bytes. */
  readonly maxMessageBytes: number;
}

/**
 * Metadata of one attempt. On its way down grpc-js clones it three times, so that nobody's template is
 * written to; nobody else holds this one. The clones are a thirtieth of what a call allocates.
 */
class OwnMetadata extends GrpcMetadata {
  override clone(): GrpcMetadata {
    return this;
  }
}

/** The metadata with which an attempt begins; throws INVALID_ARGUMENT for what cannot travel. */
export function metadataOf(context: AttemptContext): GrpcMetadata {
  const { metadata, trace, baggage, attempt } = context;
  const wire = new OwnMetadata();
  wire.set('traceparent', formatTraceparent(trace));
  if (!isEmpty(metadata)) addGiven(wire, metadata);
  if (trace.state !== undefined) wire.set('tracestate', trace.state);
  const carried = baggage && formatBaggage(baggage);
  if (carried !== undefined) wire.set('baggage', carried);
  if (attempt > 1) wire.set('grpc-previous-rpc-attempts', String(attempt - 1));
  return wire;
}

/** The context alone says what it says: under its names the caller's metadata has no word, as on a lane. */
function addGiven(wire: GrpcMetadata, metadata: Metadata): void {
  toGrpcMetadata(metadata, wire);
  wire.remove('tracestate');
  wire.remove('baggage');
}

/**
 * `Channel.createCall` instead of a generated stub: reads are asked for one by one, so a stream is as slow
 * as its reader, and a unary call costs a fifth less CPU (a stub builds an Error for every call, should it
 * be needed). It is in grpc-js's public declarations.
 */
export function createCall({ channel, clock }: Wire, path: string, deadline?: Deadline): WireCall {
  // grpc-js takes a time of day, but sends and measures the duration until then.
  const at =
    deadline === undefined ? Number.POSITIVE_INFINITY : clock.now() + remainingMs(deadline, clock);
  return channel.createCall(path, at, null, null, null);
}

/** An attempt whose facts are put together when they are needed: for an error. */
interface Named {
  readonly facts: CallFacts;
}

/** The bytes of a message that is about to be sent; throws what is wrong with it, before anything leaves. */
export function encode<T>(type: MessageType<T>, message: T, named: Named, wire: Wire): Buffer {
  return ownBytes(encodeWithin(type, message, named, wire));
}

/** The same where they stand, until the next message is encoded. */
export function encodeWithin<T>(
  type: MessageType<T>,
  message: T,
  named: Named,
  wire: Wire,
): Encoded {
  const bytes = encoded(type, message, named);
  if (bytes.length > wire.maxMessageBytes) {
    throw localError(
      named.facts,
      `the request is ${String(bytes.length)} bytes and the limit is ${String(wire.maxMessageBytes)}; send it in parts`,
      { status: 'RESOURCE_EXHAUSTED', reason: 'REQUEST_TOO_LARGE' },
    );
  }
  return bytes;
}

function encoded<T>(type: MessageType<T>, message: T, named: Named): Encoded {
  try {
    return encodeShared(type, message);
  } catch (thrown) {
    throw localError(named.facts, `the request is no ${type.$type}: ${describe(thrown)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'UNENCODABLE_REQUEST',
      cause: thrown,
    });
  }
}

/** The message of bytes that came; throws INTERNAL / UNDECODABLE_RESPONSE. */
export function decode<T>(type: MessageType<T>, bytes: Uint8Array, facts: CallFacts): T {
  try {
    return decodeMessage(type, bytes, 0, bytes.length);
  } catch (thrown) {
    throw undecodable(type, facts, thrown);
  }
}

/** The error of a response that `type` cannot read. */
export function undecodable(type: MessageType, facts: CallFacts, thrown: unknown): MeshError {
  return localError(facts, `the response is no ${type.$type}: ${describe(thrown)}`, {
    status: 'INTERNAL',
    reason: 'UNDECODABLE_RESPONSE',
    cause: thrown,
  });
}

/**
 * Hands metadata to the caller's own callback, and gives back what that throws: inside grpc-js nobody would
 * catch it, and it would end the process.
 */
export function tell(
  callback: ((metadata: Metadata) => void) | undefined,
  metadata: GrpcMetadata,
): MeshError | undefined {
  if (callback === undefined) return undefined;
  try {
    callback(fromGrpcMetadata(withoutStatusEntries(metadata)));
    return undefined;
  } catch (thrown) {
    return MeshError.from(thrown);
  }
}
