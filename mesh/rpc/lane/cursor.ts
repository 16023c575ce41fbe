import { MeshError } from '../../kernel/error.ts';

/** Wire types of protobuf, as the low three bits of a tag. */
const wire = { varint: 0, bit64: 1, bytes: 2, startGroup: 3, bit32: 5 } as const;

/** Reads the frames of one message, in place. */
export class Cursor {
  readonly bytes: Buffer;
  at = 0;
  /** The end of what is being read; never behind the message. */
  end: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.end = bytes.length;
  }

  /** A number of up to 32 bits; of a longer one, the low 32 bits, as protobuf wants it. */
  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] ?? 0;
    if (byte < 0x80) return this.at <= this.end ? byte : cutShort();
    let value = byte & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      byte = bytes[this.at++] ?? 0;
      if (shift < 35) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return this.at <= this.end ? value >>> 0 : cutShort();
    }
    throw malformed('a varint has more than ten bytes');
  }

  /** The length of what follows; it is there in full. */
  length(): number {
    const length = this.varint();
    if (length > this.end - this.at) cutShort();
    return length;
  }

  /** Moves behind a field that is not known here: a newer peer may send more. */
  skip(tag: number): void {
    const type = tag & 7;
    if (tag >>> 3 === 0) throw malformed('a field has the number 0');
    if (type === wire.varint) this.varint();
    else if (type === wire.bytes) this.#lengthAhead();
    else if (type === wire.bit32 || type === wire.bit64) this.#step(type === wire.bit32 ? 4 : 8);
    else throw malformed(`a field has the wire type ${type}`);
  }

  text(): string {
    const start = this.at + this.#lengthAhead();
    return this.bytes.toString('utf8', start, this.at);
  }

  /** Text that is ASCII by contract: three times as cheap. */
  ascii(): string {
    const start = this.at + this.#lengthAhead();
    return this.bytes.toString('latin1', start, this.at);
  }

  /** A view: it lives as long as the whole message does. Copy what is kept. */
  view(): Buffer {
    const start = this.at + this.#lengthAhead();
    return this.bytes.subarray(start, this.at);
  }

  /** Moves behind a field of bytes; what to add to where the cursor was to find its first byte. */
  #lengthAhead(): number {
    const before = this.at;
    const length = this.length();
    const prefix = this.at - before;
    this.at += length;
    return prefix;
  }

  #step(bytes: number): void {
    this.at += bytes;
    if (this.at > this.end) cutShort();
  }
}

function cutShort(): never {
  throw malformed('it ends in the middle of a field');
}

/** What does not keep to the contract of the lane. */
export function malformed(why: string): MeshError {
  return new MeshError(
    `a message of the lane is malformed: ${why}; do both sides have the same proto?`,
    {
      status: 'INVALID_ARGUMENT',
      reason: 'MALFORMED_LANE',
    },
  );
}
