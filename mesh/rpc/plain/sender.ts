import type { Clock } from '../../kernel/clock.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import { cutOff } from '../cut-off.ts';
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
  readonly encode: (request: Req) => Buffer;
  /** True where the server reads until the end of the requests: client streams and bidi. */
  readonly streaming: boolean;
  readonly clock: Clock;
  /** Told once, when the source throws or a request cannot be sent. */
  readonly fail: (error: MeshError) => void;
}

/**
 * Sends one request after another, each when the one before has left: the next is asked of its source only
 * then, so a slow peer slows the source down. (Until the server's first answer grpc-js takes up to 1 MiB at
 * once, which it keeps for its transparent retry.)
 */
export function createSender<Req>(options: SenderOptions<Req>): Sender {
  const { call, requests, encode, fail } = options;
  let source: AsyncIterator<Req> | undefined;
  let stopped = false;
  let exhausted = false;
  let written: (() => void) | undefined;

  /** Ends when the message has left, or with the call: grpc-js forgets the callback of a call that failed. */
  function write(message: Buffer): Promise<void> {
    return new Promise((resolve) => {
      written = resolve;
      const callback = (): void => {
        resolve();
      };
      call.sendMessageWithContext({ callback }, message);
    });
  }

  async function sendAll(): Promise<void> {
    source = requests[Symbol.asyncIterator]();
    for (;;) {
      const request = await next(source);
      if (stopped) return;
      if (request.done === true) {
        exhausted = true;
        call.halfClose();
        return;
      }
      await write(encode(request.value));
    }
  }

  function stop(): void {
    if (stopped) return;
    stopped = true;
    written?.();
    if (!exhausted && source !== undefined) leave(source);
  }

  return {
    start() {
      sendAll().catch((thrown: unknown) => {
        if (!stopped) fail(MeshError.from(thrown));
      });
    },
    stop,
    giveUp(cancel) {
      if (stopped || exhausted || !options.streaming) {
        stop();
        cancel();
        return;
      }
      stop();
      call.sendMessageWithContext({}, cutOff);
      // Not when the mark is written: grpc-js says so as soon as it has put it into a buffer of its own, and a
      // cancel would overtake it there. A server that reads it ends the call; then there is nothing to cancel.
      options.clock.after(cutOffMs, cancel);
    },
  };
}

async function next<Req>(from: AsyncIterator<Req>): Promise<IteratorResult<Req, unknown>> {
  try {
    return await from.next();
  } catch (thrown) {
    throw new MeshError(`the requests of the call failed: ${describe(thrown)}`, {
      status: 'CANCELLED',
      reason: 'REQUESTS_FAILED',
      cause: thrown,
    });
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
