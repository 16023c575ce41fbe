import { aborted, type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { jitter, type Random, systemRandom } from '../../kernel/random.ts';
import { isRefusal } from '../../kernel/status.ts';
import { onAbort } from '../signals.ts';

export interface ResumableOptions<M, T> {
  /** The place in the stream after `message`, as the server takes it for "go on from here". */
  readonly tokenOf: (message: M) => T;
  /**
   * Whether a message after a reconnection has been delivered before: for servers that begin at the token and
   * not behind it. Default: one whose token is that of the last one delivered.
   */
  readonly delivered?: (token: T, last: T) => boolean;
  /** Whether it makes no sense to go on after `error`. Default: after a mistake, which stays one. */
  readonly final?: (error: MeshError) => boolean;
  /** Whether a stream that ends well is opened again: a watch has no end of its own. Default false. */
  readonly forever?: boolean;
  readonly backoff?: {
    /** Before the first reconnection, in ms; doubles with each that brings no message. Default 100. */
    readonly baseMs?: number;
    /** Longest wait, in ms, before jitter of +-20 %. Default 10_000. */
    readonly maxMs?: number;
  };
  /** Ends it: the reader gets the reason as CANCELLED. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly random?: Random;
}

// An answer of the method's own is final by default.
function refused({ status }: MeshError): boolean {
  return isRefusal(status);
}

/**
 * A server stream that outlives its connections: when it breaks it is opened again where it stopped. weft does
 * not retry a stream after its first message, because only the application knows what a place in it is; here
 * it says so, by a token. `open` is called with the token of the last message that was delivered, undefined
 * the first time, and each message is delivered once if tokens tell.
 */
export async function* resumable<M, T>(
  open: (token: T | undefined) => AsyncIterable<M>,
  options: ResumableOptions<M, T>,
): AsyncGenerator<M, void, undefined> {
  const { tokenOf, delivered = same, final = refused, forever = false, signal } = options;
  const pause = pauses(options);
  let last: { readonly token: T } | undefined;
  for (;;) {
    let pushbackMs: number | undefined;
    try {
      throwIfAborted(signal);
      for await (const message of untilAborted(open(last?.token), signal)) {
        pause.progress();
        const token = tokenOf(message);
        if (last !== undefined && delivered(token, last.token)) continue;
        // Before the message is given: a reader that leaves has had it all the same.
        last = { token };
        yield message;
      }
      if (!forever) return;
    } catch (thrown) {
      throwIfAborted(signal);
      const error = MeshError.from(thrown);
      if (final(error)) throw error;
      pushbackMs = error.details.retryAfterMs;
    }
    await pause.wait(pushbackMs);
  }
}

interface Pauses {
  /** A message has come: the next wait begins anew. */
  progress(): void;
  wait(leastMs: number | undefined): Promise<void>;
}

type PauseOptions = Pick<
  ResumableOptions<unknown, unknown>,
  'backoff' | 'signal' | 'clock' | 'random'
>;

function pauses({
  backoff,
  signal,
  clock = systemClock,
  random = systemRandom,
}: PauseOptions): Pauses {
  const { baseMs = 100, maxMs = 10_000 } = backoff ?? {};
  /** Openings in a row that brought no message. */
  let fruitless = 0;
  return {
    progress() {
      fruitless = 0;
    },
    // Never nothing: a server that sends one message and breaks must not be stormed.
    async wait(leastMs = 0) {
      const ms = Math.min(baseMs * 2 ** Math.min(fruitless++, 30), maxMs);
      await clock.sleep(Math.max(leastMs, jitter(ms, 0.2, random)), signal);
    },
  };
}

function same(token: unknown, last: unknown): boolean {
  return token === last;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal, 'a resumable stream');
}

/** The messages, left at once when the signal aborts, though the stream knows nothing of it. */
async function* untilAborted<M>(
  messages: AsyncIterable<M>,
  signal: AbortSignal | undefined,
): AsyncGenerator<M, void, undefined> {
  const source = messages[Symbol.asyncIterator]();
  const end = Promise.withResolvers<never>();
  // Lost when nobody waits: that is the common case, and no failure.
  end.promise.catch(() => undefined);
  const forget = onAbort(signal, () => {
    end.reject(aborted(signal as AbortSignal, 'a resumable stream'));
  });
  try {
    for (;;) {
      const next = await Promise.race([source.next(), end.promise]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    forget();
    await source.return?.();
  }
}
