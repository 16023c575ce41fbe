import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { type Encoded, ownBytes } from '../encode.ts';
import { messageFaults } from '../frames/faults.ts';
import { Sending } from '../frames/sending.ts';
import { StreamWire, type WireListener } from '../frames/stream-wire.ts';
import { readsPlainly, serverStream } from '../grpc-internals.ts';

/** The messages of one streaming call, both ways. */
export interface MessageWire {
  /** True when what was sent has to leave first; `onLeft` tells when to look again. */
  readonly full: boolean;
  /** Copies the message; headers must have been sent. */
  send(message: Encoded): void;
  /** Nothing is sent any more but the status. */
  flush(): void;
  /** One more message may come. */
  readOn(): void;
  /** Calls `then` when all that came was read. */
  afterReading(then: () => void): void;
  /** Reads nothing any more. */
  drop(): void;
}

/**
 * The wire of a call that has just begun. It passes by grpc-js (frames/stream-wire.ts) unless the call says that
 * its messages are compressed, or has no stream where it is looked for: then grpc-js brings them, one by one.
 */
export function openWire(
  call: ServerInterceptingCallInterface,
  maxMessageBytes: number,
  listener: WireListener,
): MessageWire {
  const stream = readsPlainly(call) ? serverStream(call) : undefined;
  if (stream === undefined) return new WholeWire(call, listener);
  // grpc-js tells of the end only to whoever waits for a message of it.
  call.startRead();
  const reading = new StreamWire(stream, maxMessageBytes, listener, messageFaults);
  const sending = new Sending(stream, () => listener.onLeft?.());
  return new DirectWire(reading, sending);
}

class DirectWire implements MessageWire {
  readonly #reading: StreamWire;
  readonly #sending: Sending;

  constructor(reading: StreamWire, sending: Sending) {
    this.#reading = reading;
    this.#sending = sending;
  }

  get full(): boolean {
    return this.#sending.full;
  }

  send(message: Encoded): void {
    this.#sending.send(message);
  }

  flush(): void {
    this.#sending.flush();
  }

  readOn(): void {
    this.#reading.readOn();
  }

  afterReading(then: () => void): void {
    this.#reading.afterReading(then);
  }

  drop(): void {
    this.#reading.drop();
  }
}

/** Messages that grpc-js may hold while they leave. */
const heldMessages = 16;

/** Through the whole of grpc-js. */
class WholeWire implements MessageWire {
  readonly #call: ServerInterceptingCallInterface;
  readonly #left: () => void;
  #unsent = 0;

  constructor(call: ServerInterceptingCallInterface, listener: WireListener) {
    this.#call = call;
    this.#left = () => {
      this.#unsent--;
      listener.onLeft?.();
    };
  }

  get full(): boolean {
    return this.#unsent >= heldMessages;
  }

  send(message: Encoded): void {
    this.#unsent++;
    this.#call.sendMessage(ownBytes(message), this.#left);
  }

  // grpc-js holds nothing back.
  flush(): void {}

  readOn(): void {
    this.#call.startRead();
  }

  // grpc-js tells of an end when all before it was taken.
  afterReading(then: () => void): void {
    then();
  }

  drop(): void {}
}
