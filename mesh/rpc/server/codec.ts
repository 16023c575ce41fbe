import { isUtf8 } from 'node:buffer';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { MethodInfo, StreamLayer } from '../../kernel/call.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import type { MessageType, MethodDefinition } from '../../schema/definition.ts';
import { isCutOff } from '../cut-off.ts';
import { encodeMessage } from '../encode.ts';
import { serverContext } from './call.ts';

/** How the messages of one method become bytes and back. */
export interface Codec {
  /**
   * Throws INVALID_ARGUMENT / MALFORMED_MESSAGE, naming method and type, for what is not such a message, and
   * CANCELLED / CALLER_GONE for the mark of a stream that was given up (cut-off.ts).
   */
  decode(bytes: unknown): unknown;
  /** Throws RESOURCE_EXHAUSTED / RESPONSE_TOO_LARGE for more than the server sends. */
  encode(message: unknown): Buffer;
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
    decode(bytes) {
      if (bytes instanceof Uint8Array && isCutOff(bytes)) throw givenUp(where);
      if (!(bytes instanceof Uint8Array)) throw malformed(where, requestType.$type, 0, 'no bytes');
      try {
        return requestType.decode(new BinaryReader(bytes, strictUtf8));
      } catch (thrown) {
        throw malformed(where, requestType.$type, bytes.length, describe(thrown));
      }
    },
    encode(message) {
      const bytes = encodeMessage(responseType, message);
      if (bytes.length > maxMessageBytes) throw tooLarge(where, bytes.length, maxMessageBytes);
      return bytes;
    },
  };
}

/** Bytes outside, messages inside; counts what passes. */
export function codecLayer(codec: Codec): StreamLayer {
  return (next) => (requests, context) => {
    const { traffic } = serverContext(context);
    const decoded = mapped(requests, (bytes) => {
      const message = codec.decode(bytes);
      if (bytes instanceof Uint8Array) traffic.receivedBytes += bytes.length;
      return message;
    });
    return mapped(next(decoded, context), (message) => {
      const bytes = codec.encode(message);
      traffic.sentBytes += bytes.length;
      return bytes;
    });
  };
}

async function* mapped<A, B>(source: AsyncIterable<A>, to: (item: A) => B): AsyncGenerator<B> {
  for await (const item of source) yield to(item);
}

/** Protobuf strings are UTF-8; the reader's default would put U+FFFD where they are not, and change data. */
function strictUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new Error('a string is not valid UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
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
