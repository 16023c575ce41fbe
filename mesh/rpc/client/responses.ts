import { MeshError } from '../../kernel/error.ts';
import { type EndSource, onEnd } from './ending.ts';

/** Responses of one stream; whoever holds them may leave at any moment. */
export type Responses<T> = AsyncIterableIterator<T> & AsyncDisposable;

/** The streams of a client that are open. */
export type OpenStreams = Set<(reason: MeshError) => void>;

export interface ResponsesOptions {
  /** Whatever ends the stream from outside, with its reason. */
  readonly sources: readonly EndSource[];
  readonly openStreams: OpenStreams;
  /** For the error that a read gets when its reader leaves meanwhile. */
  readonly name: string;
}

/**
 * Begins a stream at its first read. `return` ends it at once, also while a read waits for a message: a
 * plain async generator would only queue it behind that read, and so could not be left before the next
 * message, which may never come.
 */
export function responses<T>(
  begin: (signal: AbortSignal, cancel: (reason: MeshError) => void) => AsyncIterable<T>,
  { sources, openStreams, name }: ResponsesOptions,
): Responses<T> {
  const controller = new AbortController();
  const cancel = (reason: MeshError): void => {
    controller.abort(reason);
  };

  async function* run(): AsyncGenerator<T, void, undefined> {
    const releases = sources.map((source) => onEnd(source, name, cancel));
    openStreams.add(cancel);
    try {
      yield* begin(controller.signal, cancel);
    } catch (thrown) {
      throw MeshError.from(thrown);
    } finally {
      openStreams.delete(cancel);
      for (const release of releases) release();
    }
  }

  const messages = run();
  async function leave(): Promise<void> {
    cancel(
      new MeshError(`${name}: its reader left`, { status: 'CANCELLED', reason: 'READER_LEFT' }),
    );
    await messages.return();
  }
  return {
    next: () => messages.next(),
    async return() {
      await leave();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: leave,
  };
}

/** The one response of a call whose requests are a stream. */
export async function onlyResponse<T>(messages: Responses<T>, name: string): Promise<T> {
  const first = await messages.next();
  if (first.done === true) throw wrongCount(name, 'ended with OK and no response');
  // The end of the call is part of its answer: it may still be an error.
  const second = await messages.next();
  if (second.done === true) return first.value;
  await messages.return?.();
  throw wrongCount(name, 'was given more than one response');
}

function wrongCount(name: string, what: string): MeshError {
  return new MeshError(`${name} ${what}`, { status: 'INTERNAL', reason: 'WRONG_RESPONSE_COUNT' });
}
