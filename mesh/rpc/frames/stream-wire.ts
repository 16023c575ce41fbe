import type { Http2Stream } from 'node:http2';
import { type FrameFaults, FrameReader } from './frame-reader.ts';

/** Who hears what a stream brings. */
export interface WireListener {
  onMessage(message: Buffer): void;
  /** What came is no message; nothing is read any more. */
  onBreach(thrown: unknown): void;
  /** Something that was sent has left. */
  onLeft?(): void;
}

/**
 * Straight on the HTTP/2 stream under a call of grpc-js, which goes on to look after the connection, the headers
 * and the end. Its way of a message is two copies, two promises, four ticks, and a stream that is stopped and
 * started again: with one call in flight a third of what the call cost, on either side.
 */
export class StreamWire {
  readonly #stream: Http2Stream;
  readonly #listener: WireListener;
  readonly #frames: FrameReader;
  readonly #left: () => void;
  /** Whether the listener waits for a message. */
  #ready = false;
  #delivering = false;
  #paused = true;
  #dropped = false;
  /** Nothing more comes: what has come is given out, whoever waits for it. */
  #finishing = false;
  #afterReading: (() => void) | undefined = undefined;

  /** Of a `stream` nothing that came waits anywhere else. */
  constructor(
    stream: Http2Stream,
    maxMessageBytes: number,
    listener: WireListener,
    faults: FrameFaults,
  ) {
    this.#stream = stream;
    this.#listener = listener;
    this.#frames = new FrameReader(maxMessageBytes, faults);
    this.#left = () => listener.onLeft?.();
    const before = stream.rawListeners('data');
    stream.on('data', (piece: Buffer) => {
      this.#take(piece);
    });
    for (const each of before) stream.off('data', each as () => void);
    stream.pause();
  }

  /** Bytes that were sent and have not left yet. */
  get unsent(): number {
    return this.#stream.writableLength;
  }

  /** Sends whole frames. */
  write(frames: Buffer): void {
    const stream = this.#stream;
    // The end of a stream is told a turn after it came; what is written meanwhile would be an error.
    if (stream.writable) stream.write(frames, this.#left);
  }

  /** The last message was worked on: the next one may come. */
  readOn(): void {
    this.#ready = true;
    this.#deliver();
  }

  /** Calls `then` when all that came was read: an end must not pass what was said before it. */
  afterReading(then: () => void): void {
    this.#afterReading = then;
    this.#deliver();
  }

  /** Reads nothing any more; what waits in `afterReading` is called. */
  drop(): void {
    this.#dropped = true;
    this.#deliver();
  }

  /** Gives out all that has come, asked for or not: the peer has said its last word behind it. */
  finish(): void {
    this.#finishing = true;
    // Each piece goes to those who listen for it.
    while (this.#stream.read() !== null);
    this.#deliver();
  }

  #take(piece: Buffer): void {
    if (this.#dropped) return;
    this.#frames.push(piece);
    this.#deliver();
  }

  /** Gives out messages as long as the listener is done with each at once. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while ((this.#ready || this.#finishing) && !this.#dropped) {
        const message = this.#frames.next();
        if (message === undefined) break;
        this.#ready = false;
        this.#listener.onMessage(message);
      }
    } catch (thrown) {
      this.#dropped = true;
      this.#listener.onBreach(thrown);
    } finally {
      this.#delivering = false;
    }
    this.#flow();
  }

  /** Stops the peer while the listener is busy with a message; HTTP/2 then fills its window and no more. */
  #flow(): void {
    const open = this.#ready || this.#dropped || this.#finishing;
    if (open === this.#paused) {
      this.#paused = !open;
      if (open) this.#stream.resume();
      else this.#stream.pause();
    }
    if (!open || this.#afterReading === undefined) return;
    const then = this.#afterReading;
    this.#afterReading = undefined;
    then();
  }
}
