import type { Http2Stream } from 'node:http2';
import type { Encoded } from '../encode.ts';
import { Gather } from './gather.ts';

/** Bytes that may wait to leave before whoever sends has to wait too. */
const fullBytes = 64 * 1024;

/** From here on bytes are not held back for others of the same turn; node:http2 asks for a pause at so many. */
const gatheredBytes = 16 * 1024;

/**
 * The messages of one stream on their way out, straight on the HTTP/2 stream under a call of grpc-js. Those of
 * one turn of the event loop leave in one write: a write costs more than a small message.
 */
export class Sending {
  readonly #stream: Http2Stream;
  readonly #gather: Gather;
  #flushing = false;
  readonly #flush = (): void => {
    this.#flushing = false;
    this.#gather.flush();
  };

  /** `onLeft` hears of each write that has left. */
  constructor(stream: Http2Stream, onLeft: () => void) {
    this.#stream = stream;
    this.#gather = new Gather((frames) => {
      // The end of a stream is told a turn after it came; what is written meanwhile would be an error.
      if (stream.writable) stream.write(frames, onLeft);
    });
  }

  /** True when more would only wait: send on when something has left and this is false. */
  get full(): boolean {
    return this.#gather.size + this.#stream.writableLength >= fullBytes;
  }

  /** Copies the message. */
  send(message: Encoded): void {
    this.#gather.add(message);
    if (this.#gather.size >= gatheredBytes) this.#gather.flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      // Behind all that this turn has to say, and before the next one.
      process.nextTick(this.#flush);
    }
  }

  /** Writes what waits, now: an end is about to be written behind it. */
  flush(): void {
    this.#gather.flush();
  }
}
