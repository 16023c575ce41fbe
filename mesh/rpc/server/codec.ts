import type { MethodInfo } from '../../kernel/call.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { MessageType, MethodDefinition } from '../../schema/definition.ts';
import { decodeMessage } from '../decode.ts';
import { type Encoded, encodeShared } from '../encode.ts';

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
