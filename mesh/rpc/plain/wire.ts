import type { Channel, Metadata as GrpcMetadata } from '@grpc/grpc-js';
import type { Metadata } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { formatTraceparent } from '../../kernel/context.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { MessageType } from '../../schema/definition.ts';
import { fromGrpcMetadata, toGrpcMetadata } from '../metadata.ts';
import { type CallFacts, withoutStatusEntries } from '../status.ts';
import type { AttemptContext, Method } from '../transport.ts';
import { localError, type WireCall } from './outcome.ts';

/** What one attempt needs of its connection. */
export interface Wire {
  readonly channel: Channel;
  readonly clock: Clock;
  /** Largest message sent, in bytes. */
  readonly maxMessageBytes: number;
}

/** A call that is ready to be started, with the metadata to start it. */
export interface PreparedCall {
  readonly call: WireCall;
  readonly metadata: GrpcMetadata;
}

/**
 * `Channel.createCall` instead of a generated stub: reads are asked for one by one, so a stream is as slow
 * as its reader, and a unary call costs a fifth less CPU (a stub builds an Error for every call, should it
 * be needed). It is in grpc-js's public declarations.
 */
export function prepare(wire: Wire, method: Method, context: AttemptContext): PreparedCall {
  const metadata = toGrpcMetadata(context.metadata);
  metadata.set('traceparent', formatTraceparent(context.trace));
  if (context.attempt > 1) {
    metadata.set('grpc-previous-rpc-attempts', String(context.attempt - 1));
  }
  const { clock, channel } = wire;
  // grpc-js takes a time of day, but sends and measures the duration until then.
  const deadline =
    context.deadline === undefined
      ? Number.POSITIVE_INFINITY
      : clock.now() + remainingMs(context.deadline, clock);
  return { call: channel.createCall(method.path, deadline, null, null, null), metadata };
}

/** The bytes of a message that is about to be sent; throws what is wrong with it, before anything leaves. */
export function encode<T>(type: MessageType<T>, message: T, facts: CallFacts, wire: Wire): Buffer {
  const bytes = encoded(type, message, facts);
  if (bytes.length > wire.maxMessageBytes) {
    throw localError(
      facts,
      `the request is ${String(bytes.length)} bytes and the limit is ${String(wire.maxMessageBytes)}; send it in parts`,
      { status: 'RESOURCE_EXHAUSTED', reason: 'REQUEST_TOO_LARGE' },
    );
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function encoded<T>(type: MessageType<T>, message: T, facts: CallFacts): Uint8Array {
  try {
    return type.encode(message).finish();
  } catch (thrown) {
    throw localError(facts, `the request is no ${type.$type}: ${describe(thrown)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'UNENCODABLE_REQUEST',
      cause: thrown,
    });
  }
}

/** The message of bytes that came; throws INTERNAL / UNDECODABLE_RESPONSE. */
export function decode<T>(type: MessageType<T>, bytes: Uint8Array, facts: CallFacts): T {
  try {
    return type.decode(bytes);
  } catch (thrown) {
    throw localError(facts, `the response is no ${type.$type}: ${describe(thrown)}`, {
      status: 'INTERNAL',
      reason: 'UNDECODABLE_RESPONSE',
      cause: thrown,
    });
  }
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
