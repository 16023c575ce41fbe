/** What is to be done with a call that arrives. */
export type Admission =
  /** Run it. */
  | 'run'
  /** Say that it was refused: there are too many already. */
  | 'refuse'
  /** Nothing: the lane goes away, and the client knows that this call is not answered. */
  | 'ignore'
  /** The peer breaks the contract: an id did not rise. */
  | 'breach';

/**
 * The server's books of one lane: which calls run. A call is replied to once, or not at all if its caller
 * left or the lane ended first.
 */
export class RunningCalls<T> {
  readonly limit: number;
  /** No call above it is answered; Infinity as long as the lane takes calls. */
  lastAnswered = Number.POSITIVE_INFINITY;
  readonly #calls = new Map<number, T>();
  #latest = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Decides over a call that arrived. */
  admit(id: number): Admission {
    if (id <= this.#latest) return 'breach';
    if (id > this.lastAnswered) return 'ignore';
    this.#latest = id;
    return this.#calls.size >= this.limit ? 'refuse' : 'run';
  }

  /** A call that was admitted runs. */
  add(id: number, call: T): void {
    this.#calls.set(id, call);
  }

  /** A call has ended; false if nobody waits for its reply any more. */
  end(id: number): boolean {
    return this.#calls.delete(id);
  }

  /** The caller has left: its call, if it still runs. It is not replied to. */
  cancel(id: number): T | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  /** Takes no more calls; the last id that is answered. */
  goAway(): number {
    if (this.lastAnswered === Number.POSITIVE_INFINITY) this.lastAnswered = this.#latest;
    return this.lastAnswered;
  }

  /** The stream is gone: every call that ran, none of which is replied to. */
  fall(): T[] {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return calls;
  }

  /** The calls that run; each may be ended meanwhile. */
  calls(): IterableIterator<T> {
    return this.#calls.values();
  }
}
