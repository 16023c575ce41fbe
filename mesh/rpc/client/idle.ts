import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { assertUseful, type ClientContext, nameOf, type SilenceWatch } from './context.ts';
import type { Open } from './opened.ts';
import type { Reading } from './passage.ts';

/**
 * Bounds a stream in time: by its deadline, if it has one, and by silence. What is of no use any more is not
 * even begun.
 */
export function limited(next: Open): Open {
  return async (requests, context) => {
    assertUseful(context);
    const { silence } = context;
    if (silence === undefined) return next(requests, context);
    silence.begin();
    try {
      const opened = await next(silence.hearing(requests), context);
      return {
        ...opened,
        ended(end) {
          silence.end();
          return opened.ended(end);
        },
      };
    } catch (thrown) {
      silence.end();
      throw thrown;
    }
  };
}

/**
 * Gives a stream up after a silence: no message either way while its reader waits. Time in which the reader
 * itself is busy is not the peer's silence. Ends with DEADLINE_EXCEEDED / STREAM_IDLE.
 */
export class Silence implements Reading, SilenceWatch {
  readonly #context: ClientContext;
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  #lastMs = 0;
  #reading = false;
  #stop: (() => void) | undefined = undefined;

  /** The longest silence is that of the policy, in ms. */
  constructor(context: ClientContext, clock: Clock) {
    this.#context = context;
    this.#clock = clock;
    this.#idleTimeoutMs = context.policy.idleTimeoutMs;
  }

  begin(): void {
    this.asked();
    this.#stop = this.#clock.after(this.#idleTimeoutMs, this.#look);
  }

  asked(): void {
    this.#lastMs = this.#clock.monotonic();
    this.#reading = true;
  }

  answered(): void {
    this.#reading = false;
  }

  end(): void {
    this.#stop?.();
  }

  hearing<T>(requests: AsyncIterable<T>): AsyncIterable<T> {
    const heard = (step: IteratorResult<T, unknown>): IteratorResult<T, unknown> => {
      if (step.done !== true) this.#lastMs = this.#clock.monotonic();
      return step;
    };
    return {
      [Symbol.asyncIterator]() {
        const source = requests[Symbol.asyncIterator]();
        return {
          // A source that was written by hand may give its step as it is.
          next: () => Promise.resolve(source.next()).then(heard),
          return: () => source.return?.() ?? Promise.resolve({ done: true, value: undefined }),
        };
      },
    };
  }

  // One timer at a time, set again for what is left, instead of one for each message.
  readonly #look = (): void => {
    const idleMs = this.#idleTimeoutMs;
    const leftMs = this.#reading ? this.#lastMs + idleMs - this.#clock.monotonic() : idleMs;
    if (leftMs <= 0) this.#giveUp();
    else this.#stop = this.#clock.after(leftMs, this.#look);
  };

  #giveUp(): void {
    const context = this.#context;
    const ms = String(this.#idleTimeoutMs);
    const text = `${nameOf(context)}: given up after ${ms} ms without a message`;
    context.cancel?.(new MeshError(text, { status: 'DEADLINE_EXCEEDED', reason: 'STREAM_IDLE' }));
  }
}
