import { prefixBytes } from '../grpc-internals.ts';

/** How a stream says what is wrong with it. */
export interface FrameFaults {
  /** A message is marked as compressed. */
  compressed(): Error;
  /** A message has more bytes than are taken. */
  tooLong(length: number, most: number): Error;
}

/** Writes the prefix of a message of `length` bytes that stands behind it. */
export function putPrefix(into: Buffer, at: number, length: number): void {
  into[at] = 0;
  into.writeUInt32BE(length, at + 1);
}

const nothing = Buffer.alloc(0);

/** Cuts what comes from the network into messages, however it was cut on its way. */
export class FrameReader {
  readonly #maxMessageBytes: number;
  readonly #faults: FrameFaults;
  /** What came behind the last message that was given out. */
  #rest: Buffer = nothing;
  /** A message that came in part, at its full length; `#filled` bytes of it are here. */
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(maxMessageBytes: number, faults: FrameFaults) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#faults = faults;
  }

  push(piece: Buffer): void {
    const taken = this.#fill(piece);
    if (taken === piece.length) return;
    const more = taken === 0 ? piece : piece.subarray(taken);
    this.#rest = this.#rest.length === 0 ? more : Buffer.concat([this.#rest, more]);
  }

  /**
   * The next whole message, of the very bytes of its piece where it came in one. Throws a fault
   * for what cannot be read; nothing behind it can be either.
   */
  next(): Buffer | undefined {
    if (this.#partial !== undefined) return this.#whole(this.#partial);
    const rest = this.#rest;
    if (rest.length < prefixBytes) return undefined;
    const length = this.#lengthIn(rest);
    const end = prefixBytes + length;
    if (rest.length < end) {
      this.#partial = Buffer.allocUnsafeSlow(length);
      this.#filled = rest.copy(this.#partial, 0, prefixBytes);
      this.#rest = nothing;
      return undefined;
    }
    this.#rest = rest.length === end ? nothing : rest.subarray(end);
    return rest.subarray(prefixBytes, end);
  }

  /** How many bytes of a piece belong to the message that came in part. */
  #fill(piece: Buffer): number {
    const partial = this.#partial;
    if (partial === undefined) return 0;
    const taken = piece.copy(partial, this.#filled);
    this.#filled += taken;
    return taken;
  }

  #whole(partial: Buffer): Buffer | undefined {
    if (this.#filled < partial.length) return undefined;
    this.#partial = undefined;
    return partial;
  }

  #lengthIn(prefix: Buffer): number {
    if (prefix[0] !== 0) throw this.#faults.compressed();
    const length = prefix.readUInt32BE(1);
    const most = this.#maxMessageBytes;
    if (length <= most) return length;
    throw this.#faults.tooLong(length, most);
  }
}
