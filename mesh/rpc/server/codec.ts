import type { MethodInfo, StreamLayer } from '../../kernel/call.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { MessageType, MethodDefinition } from '../../schema/definition.ts';
import { isCutOff } from '../cut-off.ts';
import { decodeMessage } from '../decode.ts';
import { type Encoded, encodeShared, ownBytes } from '../encode.ts';
import { serverContext } from './call.ts';

/** How the messages of one method become bytes and back. */
export interface Codec {
  /**
   * The message between two places. Throws INVALID_ARGUMENT / MALFORMED_MESSAGE, naming method and type, for what
   * is not such a message.
   */
  decode(bytes: Uint8Array, start: number, end: number): unknown;
  /** Throws RESOURCE_EXHAUSTED / RESPONSE_TOO_LARGE for more than the server sends. */
  encode(message: unknown): Encoded;
}

/**
 * The codec of a method. grpc-js is given none, so that malformed bytes reach weft: it would answer them
 * with INTERNAL "Error deserializing request", which blames the server and names nothing.
 */
export function createCodec(
  info: MethodInfo,
  method: MethodDefinition,
  maxMessageBytes: number,
): Codec {
  const { requestType } = method;
  // What a handler returns has this type by Implementation<D>; here, types are gone.
  const responseType = method.responseType as MessageType;
  const where = `${info.service}/${info.name}`;
  return {
    decode(bytes, start, end) {
      try {
        return decodeMessage(requestType, bytes, start, end);
      } catch (thrown) {
        throw malformed(where, requestType.$type, end - start, describe(thrown));
      }
    },
    encode(message) {
      const encoded = encodeShared(responseType, message);
      if (encoded.length > maxMessageBytes) throw tooLarge(where, encoded.length, maxMessageBytes);
      return encoded;
    },
  };
}

/**
 * Bytes outside, messages inside; counts what passes. Throws CANCELLED / CALLER_GONE for the mark of a stream
 * that was given up (cut-off.ts).
 */
export function codecLayer(codec: Codec): StreamLayer {
  return (next) => (requests, context) => {
    const { traffic, method } = serverContext(context);
    const decoded = mapped(requests, (item) => {
      // grpc-js hands out what its deserializer made: the bytes as they came.
      const bytes = item as Uint8Array;
      if (isCutOff(bytes)) throw givenUp(`${method.service}/${method.name}`);
      const message = codec.decode(bytes, 0, bytes.length);
      traffic.receivedBytes += bytes.length;
      return message;
    });
    return mapped(next(decoded, context), (message) => {
      const bytes = ownBytes(codec.encode(message));
      traffic.sentBytes += bytes.length;
      return bytes;
    });
  };
}

async function* mapped<A, B>(source: AsyncIterable<A>, to: (item: A) => B): AsyncGenerator<B> {
  for await (const item of source) yield to(item);
}

function givenUp(where: string): MeshError {
  const message = `${where}: the caller gave the stream up before its end`;
  return new MeshError(message, { status: 'CANCELLED', reason: 'CALLER_GONE' });
}

function malformed(where: string, type: string, length: number, why: string): MeshError {
  return new MeshError(
    `${where}: ${String(length)} bytes are not a ${type} (${why}); do both sides have the same proto?`,
    { status: 'INVALID_ARGUMENT', reason: 'MALFORMED_MESSAGE' },
  );
}

function tooLarge(where: string, bytes: number, max: number): MeshError {
  return new MeshError(
    `${where}: the response has ${String(bytes)} bytes, at most ${String(max)} are sent; ask for less, or make it a stream`,
    {
      status: 'RESOURCE_EXHAUSTED',
      reason: 'RESPONSE_TOO_LARGE',
      // The same call fails the same way everywhere.
      details: { retryAfterMs: Number.POSITIVE_INFINITY },
    },
  );
}
