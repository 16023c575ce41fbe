import { putPrefix } from '../frames/frame-reader.ts';
import { prefixBytes } from '../grpc-internals.ts';

/** A slab serves a hundred batches and more before the next one is needed. */
const slabBytes = 64 * 1024;

/**
 * The message that is being gathered: bytes at the end of a slab. A slab is only ever appended to. Whoever
 * was given a batch may hold it for as long as it takes (grpc-js writes after awaits, node:stream buffers),
 * and what was written once stays as it was.
 */
export class Batch {
  /** Where to write; may be another one after `reserve`. */
  slab: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  /** The next byte to write; whoever writes moves it on. */
  at = prefixBytes;
  /** How many frames are in the batch; whoever writes one counts it. */
  count = 0;
  #start = 0;

  /** Bytes gathered so far. */
  get size(): number {
    return this.at - this.#start - prefixBytes;
  }

  /** Makes room for `bytes` more. */
  reserve(bytes: number): void {
    if (this.at + bytes <= this.slab.length) return;
    const gathered = this.at - this.#start;
    const slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, gathered + bytes));
    this.slab.copy(slab, 0, this.#start, this.at);
    this.slab = slab;
    this.#start = 0;
    this.at = gathered;
  }

  /** What was gathered; the next batch begins behind it. */
  take(): Buffer {
    return this.takeFramed().subarray(prefixBytes);
  }

  /** The same with the prefix of a message in front of it. */
  takeFramed(): Buffer {
    putPrefix(this.slab, this.#start, this.size);
    const framed = this.slab.subarray(this.#start, this.at);
    this.#start = this.at;
    this.at += prefixBytes;
    this.count = 0;
    return framed;
  }
}

/** How many bytes `value` takes as a varint; for numbers of up to 32 bits. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes a varint of up to 32 bits; where the next byte goes. */
export function putVarint(into: Buffer, from: number, value: number): number {
  let at = from;
  let rest = value;
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

/** Writes the first `length` bytes; where the next byte goes. */
export function putBytes(
  into: Buffer,
  at: number,
  bytes: Uint8Array,
  length: number = bytes.length,
): number {
  // Below some fifty bytes the call into the engine costs more than the loop.
  if (length <= 48) for (let i = 0; i < length; i++) into[at + i] = bytes[i] ?? 0;
  else into.set(length === bytes.length ? bytes : bytes.subarray(0, length), at);
  return at + length;
}
