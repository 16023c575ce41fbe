import { MeshError } from '../../kernel/error.ts';
import type { Opened, Step, StreamEnd } from './opened.ts';

/** Who hears of each read, beside its reader. */
export interface Reading {
  /** A read waits. */
  asked(): void;
  /** It waits no more. */
  answered(): void;
}

const done: Step = { done: true, value: undefined };
const well: StreamEnd = { how: 'well' };
const left: StreamEnd = { how: 'left' };

/**
 * The messages of a stream on their way to its reader: one promise a message for the whole of the client's stack,
 * where a layer of async generators would make three for each of its steps. It opens with the first read; reads
 * are answered in their order; after a failure, or once it was left, there is nothing more.
 */
export class Passage implements AsyncIterableIterator<unknown, unknown> {
  readonly #open: () => Promise<Opened>;
  readonly #reading: Reading | undefined;
  #opening: Promise<Step> | undefined = undefined;
  #opened: Opened | undefined = undefined;
  #over = false;
  /** A reader has heard of the failure. */
  #told = false;

  constructor(open: () => Promise<Opened>, reading: Reading | undefined) {
    this.#open = open;
    this.#reading = reading;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    if (this.#over) return Promise.resolve(done);
    if (this.#opened === undefined) return this.#first();
    this.#reading?.asked();
    return this.#opened.messages.next().then(this.#passed, this.#failed);
  }

  async return(): Promise<Step> {
    const opened = this.#opened;
    if (opened === undefined) {
      // What is being opened is waited for: it has an endpoint, which has to be given back.
      if (this.#opening === undefined) this.#over = true;
      else await this.#opening.then(() => this.return(), nothing);
      return done;
    }
    if (this.#over) return done;
    this.#over = true;
    await opened.messages.return?.();
    opened.ended(left);
    return done;
  }

  #first(): Promise<Step> {
    if (this.#opening !== undefined) {
      return this.#opening.then(
        () => this.next(),
        () => done,
      );
    }
    this.#opening = this.#begin();
    return this.#opening;
  }

  async #begin(): Promise<Step> {
    try {
      this.#opened = await this.#open();
    } catch (thrown) {
      this.#over = true;
      throw thrown;
    }
    return this.#passed(this.#opened.first);
  }

  readonly #passed = (step: Step): Step => {
    this.#reading?.answered();
    if (step.done === true) this.#end(well);
    return step;
  };

  readonly #failed = (thrown: unknown): Step => {
    // The first read that waits hears of it, also when its reader has left meanwhile.
    if (this.#told) return done;
    this.#told = true;
    const error = MeshError.from(thrown);
    throw this.#end({ how: 'failed', error }) ?? error;
  };

  /** Gives back what the reader is told of a failure, if that is something else. */
  #end(end: StreamEnd): MeshError | undefined {
    if (this.#over) return undefined;
    this.#over = true;
    return this.#opened?.ended(end);
  }
}

const nothing = (): void => undefined;
