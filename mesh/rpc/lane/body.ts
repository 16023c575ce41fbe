import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MessageType } from '../../schema/definition.ts';

/** A writer that has grown beyond this is let go. */
const keptBytes = 256 * 1024;

let writer = new BinaryWriter();

/** Encodes a message. One writer serves all calls: a new one would grow its buffer anew for each of them. */
export function encodeBody<T>(type: MessageType<T>, message: T): Uint8Array {
  try {
    const bytes = type.encode(message, writer).finish();
    if (bytes.length > keptBytes) writer = new BinaryWriter();
    return bytes;
  } catch (thrown) {
    // What it has taken so far must not begin the next message.
    writer = new BinaryWriter();
    throw thrown;
  }
}

/** `type` for a message that is encoded already: its bytes stand for it. */
export function encodedAs<T>(type: MessageType<T>, bytes: Uint8Array): MessageType<T> {
  return {
    $type: type.$type,
    encode: (_message, into = new BinaryWriter()) => into.raw(bytes),
    decode: (input, length) => type.decode(input, length),
  };
}
