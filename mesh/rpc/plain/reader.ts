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
  /** One read at a time. */
  next(): Promise<T | typeof endOfStream>;
}

export const endOfStream = Symbol('end of stream');

/**
 * Messages held ahead of their reader. As many as grpc-js's own object streams hold: enough that reader and
 * peer need not take turns, few enough that a slow reader slows the peer down. It also saves messages: when a
 * call fails, grpc-js drops what had come and was not fetched.
 */
const readAhead = 16;

/** A reader that asks for one more message by `fetch`, once for each, and never more than it may hold. */
export function createReader<T>(fetch: () => void): Reader<T> {
  const messages: T[] = [];
  let end: { readonly error: MeshError | undefined } | undefined;
  let fetching = false;
  let waiting: PromiseWithResolvers<T | typeof endOfStream> | undefined;

  function fetchMore(): void {
    if (fetching || end !== undefined || messages.length >= readAhead) return;
    fetching = true;
    fetch();
  }

  function endWith(error: MeshError | undefined): void {
    if (end !== undefined) return;
    end = { error };
    if (error === undefined) waiting?.resolve(endOfStream);
    else waiting?.reject(error);
    waiting = undefined;
  }

  return {
    push(message) {
      if (end !== undefined) return;
      fetching = false;
      const reader = waiting;
      waiting = undefined;
      if (reader === undefined) messages.push(message);
      else reader.resolve(message);
      fetchMore();
    },
    end: endWith,
    fail(error) {
      messages.length = 0;
      endWith(error);
    },
    get ended() {
      return end !== undefined;
    },
    next() {
      const message = messages.shift();
      if (message !== undefined) {
        fetchMore();
        return Promise.resolve(message);
      }
      if (end !== undefined) {
        return end.error === undefined ? Promise.resolve(endOfStream) : Promise.reject(end.error);
      }
      waiting = Promise.withResolvers();
      fetchMore();
      return waiting.promise;
    },
  };
}
