import type { Http2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { type FrameFaults } from '../frames/frame-reader.ts';
import { StreamWire, type WireListener } from '../frames/stream-wire.ts';
import { clientStream, serverStream } from '../grpc-internals.ts';
import type { WireCall } from '../plain/outcome.ts';
import type { Batch } from './batch.ts';
import { malformed } from './cursor.ts';

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
  return stream === undefined ? undefined : new LaneWire(stream, maxMessageBytes, listener);
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
    return new LaneWire(stream, maxMessageBytes, listener);
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

/** How a lane says what is wrong with its messages. */
const faults: FrameFaults = {
  compressed: () => malformed('it is compressed, and messages of a lane never are'),
  tooLong: (length, most) =>
    malformed(`it has ${String(length)} bytes, and ${String(most)} are taken`),
};

class LaneWire extends StreamWire implements Wire {
  constructor(stream: Http2Stream, maxMessageBytes: number, listener: WireListener) {
    super(stream, maxMessageBytes, listener, faults);
  }

  send(batch: Batch): void {
    this.write(batch.takeFramed());
  }
}
