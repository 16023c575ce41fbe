import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MessageType } from '../schema/definition.ts';

/**
 * Messages into bytes with one writer for all of them. A writer of its own for each message, which is what
 * generated code makes, allocates its 128 bytes, doubles them, and copies the result twice: 3 to 5 us for
 * 116 bytes, against 0.3 us here (Node 24.21), more than everything else that either side does in weft.
 * Encoding is synchronous, so nobody sees the writer between two messages.
 */
let writer = new BinaryWriter();

/** A writer that has grown beyond this is not kept: one huge message shall not hold its memory for ever. */
const keptBytes = 64 * 1024;

/** Bytes that stand at the beginning of an array. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly length: number;
}

export const noBytes: Encoded = { bytes: Buffer.alloc(0), length: 0 };

/** The bytes of a message, as a Buffer of its own. Throws what `encode` throws for what is no such message. */
export function encodeMessage<T>(type: MessageType<T>, message: T): Buffer {
  return ownBytes(encodeShared(type, message));
}

/** The same where they stand: in an array that the next message is written to. For who copies them at once. */
export function encodeShared<T>(type: MessageType<T>, message: T): Encoded {
  const used = writer;
  try {
    const written = type.encode(message, used);
    // A type that is not generated may have its own idea of a writer.
    return written === used ? taken(used) : whole(written.finish());
  } catch (thrown) {
    // The next message must not begin behind half of this one.
    writer = new BinaryWriter();
    throw thrown;
  }
}

/** A copy that nobody else writes to; from Node's pool, where `finish` would ask the system for each. */
export function ownBytes({ bytes, length }: Encoded): Buffer {
  const own = Buffer.allocUnsafe(length);
  own.set(length === bytes.length ? bytes : bytes.subarray(0, length));
  return own;
}

/** Where a writer of @bufbuild/protobuf 2.17 keeps what it has written. */
interface Written {
  readonly buffer?: unknown;
  pos?: unknown;
}

function taken(used: BinaryWriter): Encoded {
  const written = used as unknown as Written;
  const { buffer, pos } = written;
  if (!(buffer instanceof Uint8Array) || typeof pos !== 'number') return whole(used.finish());
  if (buffer.length > keptBytes) {
    writer = new BinaryWriter();
    return whole(used.finish());
  }
  // As `finish` resets it; every fork has been joined by then.
  written.pos = 0;
  return { bytes: buffer, length: pos };
}

/** All of an array. */
export function whole(bytes: Uint8Array): Encoded {
  return { bytes, length: bytes.length };
}

/** The same bytes under the type that grpc-js wants. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
