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
  options: ResponsesOptions,
): Responses<T> {
  return new StreamResponses(begin, options);
}

class StreamResponses<T> implements Responses<T> {
  readonly #begin: Parameters<typeof responses<T>>[0];
  readonly #options: ResponsesOptions;
  #messages: AsyncIterator<T> | undefined = undefined;
  #releases: readonly (() => void)[] = [];
  #over = false;
  readonly #controller = new AbortController();
  readonly #cancel = (reason: MeshError): void => {
    this.#controller.abort(reason);
  };

  constructor(begin: Parameters<typeof responses<T>>[0], options: ResponsesOptions) {
    this.#begin = begin;
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    try {
      this.#messages ??= this.#opened();
      return this.#messages.next().then(this.#passed, this.#failed);
    } catch (thrown) {
      return Promise.resolve().then(() => this.#failed(thrown));
    }
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this[Symbol.asyncDispose]();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const text = `${this.#options.name}: its reader left`;
    this.#cancel(new MeshError(text, { status: 'CANCELLED', reason: 'READER_LEFT' }));
    const messages = this.#messages;
    if (messages === undefined) this.#over = true;
    try {
      await messages?.return?.();
    } finally {
      this.#end();
    }
  }

  #opened(): AsyncIterator<T> {
    const { sources, openStreams, name } = this.#options;
    this.#releases = sources.map((source) => onEnd(source, name, this.#cancel));
    openStreams.add(this.#cancel);
    return this.#begin(this.#controller.signal, this.#cancel)[Symbol.asyncIterator]();
  }

  readonly #passed = (step: IteratorResult<T, unknown>): IteratorResult<T, undefined> => {
    if (step.done !== true) return step;
    this.#end();
    return { done: true, value: undefined };
  };

  readonly #failed = (thrown: unknown): never => {
    this.#end();
    throw MeshError.from(thrown);
  };

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.openStreams.delete(this.#cancel);
    for (const release of this.#releases) release();
  }
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
