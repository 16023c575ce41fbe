import type { StreamAttempt } from './stream.ts';

/** The responses of one attempt; it begins with the first read, once there is a connection. */
export class PlainStream<Req, Res> implements AsyncIterableIterator<Res, undefined> {
  readonly #open: () => Promise<StreamAttempt<Req, Res>>;
  #opening: Promise<StreamAttempt<Req, Res> | undefined> | undefined = undefined;
  #attempt: StreamAttempt<Req, Res> | undefined = undefined;
  #left = false;

  constructor(open: () => Promise<StreamAttempt<Req, Res>>) {
    this.#open = open;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Res, undefined>> {
    return this.#attempt === undefined ? this.#first() : this.#attempt.next();
  }

  return(): Promise<IteratorResult<Res, undefined>> {
    this.#left = true;
    this.#attempt?.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #first(): Promise<IteratorResult<Res, undefined>> {
    const attempt = await (this.#opening ??= this.#begin());
    return attempt === undefined ? { done: true, value: undefined } : attempt.next();
  }

  #leaveIfLeft(attempt: StreamAttempt<Req, Res>): void {
    if (this.#left) attempt.leave();
  }

  async #begin(): Promise<StreamAttempt<Req, Res> | undefined> {
    if (this.#left) return undefined;
    const attempt = await this.#open();
    this.#attempt = attempt;
    attempt.start();
    this.#leaveIfLeft(attempt);
    return attempt;
  }
}
