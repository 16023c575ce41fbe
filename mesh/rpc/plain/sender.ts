import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../kernel/clock.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import { cutOff } from '../cut-off.ts';
import { type Encoded, ownBytes, whole } from '../encode.ts';
import { Sending } from '../frames/sending.ts';
import { clientSendStream } from '../grpc-internals.ts';
import type { WireCall } from './outcome.ts';

/** The requests of one call on their way. */
export interface Sender {
  /** Begins to read and send; call it once the call is started. */
  start(): void;
  /** The call is over: sends no more, and tells the source so by its `return`. */
  stop(): void;
  /**
   * This side gives the call up: tells the server that it does not hold all requests (cut-off.ts), and runs
   * `cancel` if the server has not ended the call by then; at once if it holds them all.
   */
  giveUp(cancel: () => void): void;
}

/** How long a server may take to end a call of which it was told that it is given up, in ms. */
const cutOffMs = 100;

export interface SenderOptions<Req> {
  readonly call: WireCall;
  readonly requests: AsyncIterable<Req>;
  /** Bytes that stand until the next request is encoded. */
  readonly encode: (request: Req) => Encoded;
  /** True where the server reads until the end of the requests: client streams and bidi. */
  readonly streaming: boolean;
  readonly clock: Clock;
  /** Told once, when the source throws or a request cannot be sent. */
  readonly fail: (error: MeshError) => void;
}

/** How many turns of the event loop a call may take to write its first messages before more are given to grpc-js. */
const mostLooks = 20;

/** Nothing is asked of grpc-js with a message. */
const noContext = Object.freeze({});

/**
 * Sends one request after another, and asks their source for the next as long as there is room for it on the
 * way: a slow peer slows the source down. The first goes through grpc-js, which makes the stream meanwhile; those
 * behind it pass it by (frames/sending.ts), or go one by one where it has no stream where it is looked for.
 */
export function createSender<Req>(options: SenderOptions<Req>): Sender {
  return new RequestSender(options);
}

class RequestSender<Req> implements Sender {
  readonly #options: SenderOptions<Req>;
  #source: AsyncIterator<Req> | undefined = undefined;
  #sending: Sending | undefined = undefined;
  #stopped = false;
  #exhausted = false;
  #looksLeft = mostLooks;
  /** The source is not asked before something has left. */
  #held = false;
  /** Goes on where the source is at home: what leaves is told from anywhere. */
  readonly #pullOn = AsyncLocalStorage.bind(() => {
    this.#pull();
  });

  constructor(options: SenderOptions<Req>) {
    this.#options = options;
  }

  start(): void {
    try {
      this.#source = this.#options.requests[Symbol.asyncIterator]();
    } catch (thrown) {
      this.#broke(thrown);
      return;
    }
    this.#pull();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    if (!this.#exhausted && this.#source !== undefined) leave(this.#source);
  }

  giveUp(cancel: () => void): void {
    const { streaming, call, clock } = this.#options;
    const told = streaming && !this.#stopped && !this.#exhausted;
    this.stop();
    if (!told) {
      cancel();
      return;
    }
    if (this.#sending === undefined) call.sendMessageWithContext(noContext, cutOff);
    else {
      this.#sending.send(whole(cutOff));
      this.#sending.flush();
    }
    // Not when the mark is written: grpc-js says so as soon as it has put it into a buffer of its own, and a
    // cancel would overtake it there. A server that reads it ends the call; then there is nothing to cancel.
    clock.after(cutOffMs, cancel);
  }

  #pull(): void {
    try {
      // A source that was written by hand may give its step as it is.
      Promise.resolve(this.#source?.next()).then(this.#took, this.#broke);
    } catch (thrown) {
      this.#broke(thrown);
    }
  }

  readonly #took = (step: IteratorResult<Req, unknown> | undefined): void => {
    if (this.#stopped || step === undefined) return;
    if (step.done === true) this.#end();
    else {
      try {
        this.#send(this.#options.encode(step.value));
      } catch (thrown) {
        this.#options.fail(MeshError.from(thrown));
      }
    }
  };

  readonly #broke = (thrown: unknown): void => {
    if (this.#stopped) return;
    const options = { status: 'CANCELLED', reason: 'REQUESTS_FAILED', cause: thrown } as const;
    const text = `the requests of the call failed: ${describe(thrown)}`;
    this.#options.fail(new MeshError(text, options));
  };

  #send(message: Encoded): void {
    const { call, streaming } = this.#options;
    const sending = this.#sending;
    if (sending !== undefined) {
      sending.send(message);
      if (sending.full) this.#held = true;
      else this.#pull();
    } else if (streaming) {
      const callback = this.#taken;
      call.sendMessageWithContext({ callback }, ownBytes(message));
    } else {
      // There is no other: its end leaves with it.
      call.sendMessageWithContext(noContext, ownBytes(message));
      this.#end();
    }
  }

  /** grpc-js has taken a message. It says so early: its stream may still have to be made. */
  readonly #taken = (): void => {
    if (this.#stopped) return;
    const stream = clientSendStream(this.#options.call);
    if (stream !== undefined) this.#sending = new Sending(stream, this.#left);
    else if (this.#looksLeft-- > 0) {
      setImmediate(this.#taken);
      return;
    }
    this.#pullOn();
  };

  readonly #left = (): void => {
    if (!this.#held || this.#stopped || this.#sending?.full === true) return;
    this.#held = false;
    this.#pullOn();
  };

  #end(): void {
    this.#exhausted = true;
    this.#sending?.flush();
    this.#options.call.halfClose();
  }
}

/** Not awaited: a generator that waits for something of its own would hold up the end of the call. */
function leave(source: AsyncIterator<unknown>): void {
  try {
    source.return?.().then(undefined, () => undefined);
  } catch {
    // A source that cannot even be left has said what it had to say.
  }
}
