import type { Http2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { clientStream, serverStream } from '../grpc-internals.ts';
import type { WireCall } from '../plain/outcome.ts';
import type { Batch } from './batch.ts';
import { FrameReader } from './frame-reader.ts';

/** One end of a lane's stream: whole messages, in order. */
export interface Wire {
  /** Bytes that were sent and have not left yet. */
  readonly unsent: number;
  /** Sends what the batch has gathered. */
  send(batch: Batch): void;
  /** The last message was worked on: the next one may come. */
  readOn(): void;
  /** Calls `then` when all that came was read: an end must not pass what was said before it. */
  afterReading(then: () => void): void;
  /** Reads nothing any more; what waits in `afterReading` is called. */
  drop(): void;
}

/** Who hears what a wire brings. */
export interface WireListener {
  onMessage(message: Buffer): void;
  /** What came is no message; nothing is read any more. */
  onBreach(thrown: unknown): void;
  /** Something that was sent has left. */
  onLeft?(): void;
}

/** The wire of a client: through grpc-js, which brings its messages to the listener of the call. */
export function clientWire(call: WireCall): Wire {
  return callWire(
    {
      send: (message, callback) => call.sendMessageWithContext({ callback }, message),
      startRead: () => call.startRead(),
    },
    () => undefined,
  );
}

/** The way past grpc-js, behind the first message of the call; undefined where there is none, as behind two. */
export function directWire(
  call: WireCall,
  maxMessageBytes: number,
  listener: WireListener,
): Wire | undefined {
  const stream = clientStream(call);
  return stream === undefined ? undefined : new StreamWire(stream, maxMessageBytes, listener);
}

/** The wire of a server, for a call that has just begun; where there is no way past grpc-js, its listener gets the messages. */
export function serverWire(
  call: ServerInterceptingCallInterface,
  maxMessageBytes: number,
  listener: WireListener,
): Wire {
  const stream = serverStream(call);
  if (stream !== undefined) {
    // grpc-js tells of the end only to whoever waits for a message of it.
    call.startRead();
    return new StreamWire(stream, maxMessageBytes, listener);
  }
  return callWire(
    {
      send: (message, left) => call.sendMessage(message, left),
      startRead: () => call.startRead(),
    },
    () => listener.onLeft?.(),
  );
}

/** How grpc-js sends and reads. */
interface WholeWay {
  send(message: Buffer, left: () => void): void;
  startRead(): void;
}

/** Through the whole of grpc-js. */
function callWire(call: WholeWay, onLeft: () => void): Wire {
  let unsent = 0;
  return {
    get unsent() {
      return unsent;
    },
    send(batch) {
      const message = batch.take();
      unsent += message.length;
      call.send(message, () => {
        unsent -= message.length;
        onLeft();
      });
    },
    readOn: () => call.startRead(),
    // grpc-js tells of an end when all before it was taken, and brings nothing behind it.
    afterReading: (then) => then(),
    drop: () => undefined,
  };
}

/**
 * Straight on the HTTP/2 stream under a call of grpc-js, which goes on to look after the connection, the headers
 * and the end. Its way of a message is two copies, two promises, four ticks, and a stream that is stopped and
 * started again: with one call in flight a third of what the call cost, on either side.
 */
class StreamWire implements Wire {
  readonly #stream: Http2Stream;
  readonly #listener: WireListener;
  readonly #frames: FrameReader;
  readonly #left: () => void;
  /** Whether the listener waits for a message. */
  #ready = false;
  #delivering = false;
  #paused = true;
  #dropped = false;
  #afterReading: (() => void) | undefined;

  /** Of a `stream` nothing that came waits anywhere else. */
  constructor(stream: Http2Stream, maxMessageBytes: number, listener: WireListener) {
    this.#stream = stream;
    this.#listener = listener;
    this.#frames = new FrameReader(maxMessageBytes);
    this.#left = () => listener.onLeft?.();
    const before = stream.rawListeners('data');
    stream.on('data', (piece: Buffer) => {
      this.#take(piece);
    });
    for (const each of before) stream.off('data', each as () => void);
    stream.pause();
  }

  get unsent(): number {
    return this.#stream.writableLength;
  }

  send(batch: Batch): void {
    const framed = batch.takeFramed();
    const stream = this.#stream;
    // The end of a stream is told a turn after it came; what is written meanwhile would be an error.
    if (stream.writable) stream.write(framed, this.#left);
  }

  readOn(): void {
    this.#ready = true;
    this.#deliver();
  }

  afterReading(then: () => void): void {
    this.#afterReading = then;
    this.#deliver();
  }

  drop(): void {
    this.#dropped = true;
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
      while (this.#ready && !this.#dropped) {
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
    const open = this.#ready || this.#dropped;
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
