import type { Encoded } from '../encode.ts';
import { prefixBytes } from '../grpc-internals.ts';
import { putPrefix } from './frame-reader.ts';

/** The first slab of a burst; what a stream of single messages needs for a dozen of them. */
const firstBytes = 2 * 1024;
const mostBytes = 16 * 1024;

/**
 * Messages in their frames, one behind the other, until they are written together. What was handed to `write`
 * is never written to again: node:stream may hold it for as long as it takes. A stream that is silent holds
 * little, for there may be thousands of them.
 */
export class Gather {
  readonly #write: (frames: Buffer) => void;
  #slab: Buffer | undefined = undefined;
  #start = 0;
  #at = 0;

  constructor(write: (frames: Buffer) => void) {
    this.#write = write;
  }

  /** Bytes that wait for `flush`. */
  get size(): number {
    return this.#at - this.#start;
  }

  /** Copies a message behind those that wait, and writes what there is when it no longer fits beside them. */
  add({ bytes, length }: Encoded): void {
    const needed = prefixBytes + length;
    const slab = this.#roomFor(needed);
    const body = this.#at + prefixBytes;
    putPrefix(slab, this.#at, length);
    slab.set(length === bytes.length ? bytes : bytes.subarray(0, length), body);
    this.#at += needed;
  }

  flush(): void {
    const slab = this.#slab;
    if (slab === undefined || this.#at === this.#start) return;
    const frames = slab.subarray(this.#start, this.#at);
    this.#start = this.#at;
    if (slab.length > firstBytes) this.#slab = undefined;
    this.#write(frames);
  }

  #roomFor(needed: number): Buffer {
    const slab = this.#slab;
    if (slab !== undefined && this.#at + needed <= slab.length) return slab;
    this.flush();
    const next = slab === undefined || slab.length < needed ? firstBytes : slab.length * 2;
    const fresh = Buffer.allocUnsafe(Math.max(Math.min(next, mostBytes), needed));
    this.#slab = fresh;
    this.#start = 0;
    this.#at = 0;
    return fresh;
  }
}
