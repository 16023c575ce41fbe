import type { Clock } from '../../kernel/clock.ts';
import type { MeshError } from '../../kernel/error.ts';

/** Requests held ahead of the handler: as many as grpc-js's own object streams hold. */
const readAhead = 16;

export interface RequestsOptions {
  /** The message of these bytes; throws what is wrong with it, for the handler. */
  readonly receive: (bytes: Buffer) => unknown;
  /** Asks for one more message. */
  readonly readOn: () => void;
  readonly clock: Clock;
  /** How long the end is held back, in case a reset follows; in ms. */
  readonly resetGraceMs: number;
}

type Step = IteratorResult<unknown, undefined>;
type Reader = PromiseWithResolvers<Step>;

const done: Step = { done: true, value: undefined };

/**
 * The requests of a stream as its handler reads them. Written by hand, where layers of async generators would
 * cost a message three promises each; as in a generator, reads are answered in their order, and after a failure
 * or `return` there is nothing more.
 */
export class Requests implements AsyncIterableIterator<unknown, undefined> {
  readonly #options: RequestsOptions;
  readonly #queue: Buffer[] = [];
  readonly #readers: Reader[] = [];
  /** The peer may send on as soon as the queue is shorter. */
  #stalled = false;
  /** The peer has said that nothing more comes. */
  #ended = false;
  #over = false;
  /** Why the call has ended; for the read that asks next. */
  #reason: MeshError | undefined = undefined;
  #forgetGrace: (() => void) | undefined = undefined;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    if (this.#over) return Promise.resolve(done);
    if (this.#reason !== undefined) {
      this.#over = true;
      return Promise.reject(this.#reason);
    }
    const bytes = this.#queue.shift();
    if (bytes === undefined) return this.#later();
    if (this.#stalled && !this.#ended) {
      this.#stalled = false;
      this.#options.readOn();
    }
    try {
      return Promise.resolve(this.#given(bytes));
    } catch (thrown) {
      return failed(thrown);
    }
  }

  /** A handler that stops reading may still have something to say: only the reading ends. */
  return(): Promise<Step> {
    this.#end();
    return Promise.resolve(done);
  }

  throw(thrown: unknown): Promise<Step> {
    this.#end();
    return failed(thrown);
  }

  /** A message has come. */
  push(bytes: Buffer): void {
    if (this.#over) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#queue.push(bytes);
    else {
      try {
        reader.resolve(this.#given(bytes));
      } catch (thrown) {
        reader.reject(thrown);
      }
    }
    this.#stalled = this.#queue.length >= readAhead;
    if (!this.#stalled) this.#options.readOn();
  }

  /** Nothing comes after what has come. */
  ended(): void {
    this.#ended = true;
    if (this.#readers.length > 0) this.#believeEnd();
  }

  /** The call has ended: reads fail, and what was not read is dropped. */
  abort(reason: MeshError): void {
    if (this.#over || this.#reason !== undefined) return;
    this.#reason = reason;
    this.#queue.length = 0;
    const reader = this.#readers.shift();
    if (reader === undefined) return;
    this.#end();
    reader.reject(reason);
  }

  #later(): Promise<Step> {
    const reader = Promise.withResolvers<Step>();
    this.#readers.push(reader);
    if (this.#ended) this.#believeEnd();
    return reader.promise;
  }

  #given(bytes: Buffer): Step {
    try {
      return { done: false, value: this.#options.receive(bytes) };
    } catch (thrown) {
      this.#end();
      throw thrown;
    }
  }

  /**
   * A stream that was cut off looks complete until the reset is seen: Node's client puts END_STREAM in front of
   * it, Node's server reports the end of a reset stream like any other. weft's own clients say so (cut-off.ts);
   * for others the end is believed only after a moment without a reset.
   */
  #believeEnd(): void {
    const { clock, resetGraceMs } = this.#options;
    this.#forgetGrace ??= clock.after(resetGraceMs, () => {
      this.#end();
    });
  }

  #end(): void {
    this.#over = true;
    this.#queue.length = 0;
    this.#forgetGrace?.();
    for (const reader of this.#readers.splice(0)) reader.resolve(done);
  }
}

function failed(thrown: unknown): Promise<Step> {
  const { promise, reject } = Promise.withResolvers<Step>();
  reject(thrown);
  return promise;
}
