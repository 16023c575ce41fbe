import type { StreamCall, StreamLayer } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { assertUseful, type ClientContext, clientContext, nameOf } from './context.ts';

/**
 * Bounds a stream in time: by its deadline, if it has one, and by silence. What is of no use any more is not
 * even begun.
 */
export function limitStream(clock: Clock): StreamLayer {
  return (next) =>
    async function* (requests, context) {
      const own = clientContext(context);
      assertUseful(own);
      const { idleTimeoutMs } = own.policy;
      if (idleTimeoutMs === 0) yield* next(requests, own);
      else yield* watchIdle(next, requests, own, { idleTimeoutMs, clock });
    };
}

interface IdleOptions {
  /** Longest silence, in ms. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/**
 * Gives a stream up after a silence: no message either way while its reader waits. Time in which the reader
 * itself is busy is not the peer's silence. Ends with DEADLINE_EXCEEDED / STREAM_IDLE.
 */
async function* watchIdle(
  next: StreamCall,
  requests: AsyncIterable<unknown>,
  context: ClientContext,
  { idleTimeoutMs, clock }: IdleOptions,
): AsyncGenerator<unknown, void, undefined> {
  let lastMs = clock.monotonic();
  let reading = false;
  const heard = (): void => {
    lastMs = clock.monotonic();
  };
  const giveUp = (): void => {
    const text = `${nameOf(context)}: given up after ${String(idleTimeoutMs)} ms without a message`;
    context.cancel?.(new MeshError(text, { status: 'DEADLINE_EXCEEDED', reason: 'STREAM_IDLE' }));
  };
  // One timer at a time, set again for what is left, instead of one for each message.
  const look = (): void => {
    const leftMs = reading ? lastMs + idleTimeoutMs - clock.monotonic() : idleTimeoutMs;
    if (leftMs <= 0) giveUp();
    else stop = clock.after(leftMs, look);
  };
  let stop = clock.after(idleTimeoutMs, look);

  const messages = next(eachTells(requests, heard), context)[Symbol.asyncIterator]();
  try {
    for (;;) {
      heard();
      reading = true;
      const message = await messages.next();
      reading = false;
      if (message.done === true) return;
      yield message.value;
    }
  } finally {
    stop();
    await messages.return?.();
  }
}

/** The same requests; `tell` hears of each one that is taken. */
function eachTells<T>(requests: AsyncIterable<T>, tell: () => void): AsyncIterable<T> {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const request of requests) {
        tell();
        yield request;
      }
    },
  };
}
