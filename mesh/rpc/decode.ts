import { isUtf8 } from 'node:buffer';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { MessageType } from '../schema/definition.ts';
import { bufferOf } from './encode.ts';

/** Where a reader of @bufbuild/protobuf 2.17 keeps what it reads. */
interface Source {
  buf: Uint8Array;
  len: number;
  view: DataView;
}

/** Up to here a text is put together faster than the engine is asked for it. */
const shortText = 16;

/**
 * A reader that can be aimed at other bytes, and that refuses what is not UTF-8: the usual one would put U+FFFD
 * there, and change data. To make a reader for each message costs more than to read a small one.
 */
class MessageReader extends BinaryReader {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    super(bytes, strictUtf8);
    this.#bytes = bytes;
  }

  aim(bytes: Uint8Array): void {
    if (bytes === this.#bytes) return;
    this.#bytes = bufferOf(bytes);
    const source = this as unknown as Source;
    source.buf = this.#bytes;
    source.len = bytes.length;
    source.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  override string(strict?: boolean): string {
    const before = this.pos;
    const length = this.uint32();
    const start = this.pos;
    const end = start + length;
    const bytes = this.#bytes;
    if (length > shortText && end <= bytes.length) {
      let at = start;
      while (at < end && (bytes[at] as number) < 0x80) at++;
      if (at === end) {
        this.pos = end;
        return bytes.toString('latin1', start, end);
      }
    }
    this.pos = before;
    return super.string(strict);
  }
}

const nothing = Buffer.alloc(0);
/** Decoding is synchronous, so nobody sees the reader between two messages. */
let reader = new MessageReader(nothing);

/** A reader does not keep more than this alive when its message has been read. */
const keptBytes = 64 * 1024;

/** The message that stands between `start` and `end`; throws what the reader throws for what is no such message. */
export function decodeMessage<T>(
  type: MessageType<T>,
  bytes: Uint8Array,
  start: number,
  end: number,
): T {
  const used = reader;
  try {
    used.aim(bytes);
    used.pos = start;
    const message = type.decode(used, end - start);
    if (bytes.length > keptBytes) used.aim(nothing);
    // A damaged message may be read into what stands behind it, which is somebody else's.
    if (used.pos === end) return message;
  } catch (thrown) {
    // It may stand in the middle of a nested message, and count its depth.
    reader = new MessageReader(nothing);
    if (end - start === bytes.length) throw thrown;
  }
  // Once more and by itself, for the error that these bytes alone give.
  return type.decode(new MessageReader(bufferOf(bytes.subarray(start, end))));
}

function strictUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new Error('a string is not valid UTF-8');
  return bufferOf(bytes).toString('utf8');
}
