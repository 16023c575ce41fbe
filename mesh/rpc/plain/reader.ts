import type { MeshError } from '../../kernel/error.ts';

/** What has come of a stream and was not yet read. */
export interface Reader<T> {
  /** A message has come. */
  push(message: T): void;
  /** Nothing comes after this; an error is thrown once the messages before it are read. */
  end(error?: MeshError): void;
  /** Ends at once: what was not read yet is dropped. */
  fail(error: MeshError): void;
  readonly ended: boolean;
  /** The next message, for reads in their order; behind an error there is only the end. */
  next(): Promise<IteratorResult<T, undefined>>;
}

/**
 * Messages held ahead of their reader. As many as grpc-js's own object streams hold: enough that reader and
 * peer need not take turns, few enough that a slow reader slows the peer down.
 */
const readAhead = 16;

type Waiting<T> = PromiseWithResolvers<IteratorResult<T, undefined>>;

/** A reader that asks for one more message by `fetch`, once for each, and never more than it may hold. */
export function createReader<T>(fetch: () => void): Reader<T> {
  return new QueueReader(fetch);
}

class QueueReader<T> implements Reader<T> {
  ended = false;
  readonly #fetch: () => void;
  readonly #messages: T[] = [];
  readonly #waiting: Waiting<T>[] = [];
  #error: MeshError | undefined = undefined;
  #fetching = false;

  constructor(fetch: () => void) {
    this.#fetch = fetch;
  }

  push(message: T): void {
    if (this.ended) return;
    this.#fetching = false;
    const reader = this.#waiting.shift();
    if (reader === undefined) this.#messages.push(message);
    else reader.resolve({ done: false, value: message });
    this.#fetchMore();
  }

  end(error?: MeshError): void {
    if (this.ended) return;
    this.ended = true;
    this.#error = error;
    for (const reader of this.#waiting.splice(0)) this.#settle(reader);
  }

  fail(error: MeshError): void {
    this.#messages.length = 0;
    this.end(error);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#fetchMore();
      return Promise.resolve({ done: false, value: message });
    }
    const reader: Waiting<T> = Promise.withResolvers();
    if (this.ended) this.#settle(reader);
    else {
      this.#waiting.push(reader);
      this.#fetchMore();
    }
    return reader.promise;
  }

  #settle(reader: Waiting<T>): void {
    const error = this.#error;
    this.#error = undefined;
    if (error === undefined) reader.resolve({ done: true, value: undefined });
    else reader.reject(error);
  }

  #fetchMore(): void {
    if (this.#fetching || this.ended || this.#messages.length >= readAhead) return;
    this.#fetching = true;
    this.#fetch();
  }
}
