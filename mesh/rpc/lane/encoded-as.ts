import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MessageType } from '../../schema/definition.ts';

/** `type` for a message that is encoded already: its bytes stand for it. */
export function encodedAs<T>(type: MessageType<T>, bytes: Uint8Array): MessageType<T> {
  return {
    $type: type.$type,
    encode: (_message, into = new BinaryWriter()) => into.raw(bytes),
    decode: (input, length) => type.decode(input, length),
  };
}
