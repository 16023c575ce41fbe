import type { Cancellation } from './cancellation.ts';
import type { MeshError } from './error.ts';

/**
 * The life of one piece of work: a call on the server, an event at its handler. An AbortSignal costs
 * microseconds (an AbortController is an EventTarget, an abort builds a DOMException), and most work ends well
 * without anybody looking at it: so its end is kept here, and a signal is made only for those who ask.
 */
export interface Scope extends Cancellation {
  /** Aborts with `reason`; made on first use. */
  readonly signal: AbortSignal;
  /** Ends the work early. The first reason stays; without effect after `finish`. */
  abort(reason: MeshError): void;
  /** The work is over; from now on nothing can abort it. */
  finish(): void;
  /** Settles as `work` does, or rejects with the reason as soon as the work ends early. */
  race<T>(work: Promise<T>): Promise<T>;
}

type Listener = (reason: MeshError) => void;

const nothing = (): void => undefined;

/** The scope of work that begins now. */
export function createScope(): Scope {
  return new WorkScope();
}

/** A class, because there is one for every call and event: methods on the prototype, and nothing made before it is asked for. */
export class WorkScope implements Scope {
  reason: MeshError | undefined = undefined;
  #finished = false;
  #listeners: Set<Listener> | undefined = undefined;
  #controller: AbortController | undefined = undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    const { signal } = this.#controller;
    if (this.reason !== undefined && !signal.aborted) this.#controller.abort(this.reason);
    return signal;
  }

  abort(because: MeshError): void {
    if (this.#finished || this.reason !== undefined) return;
    this.reason = because;
    const listeners = [...(this.#listeners ?? [])];
    this.#listeners = undefined;
    for (const listener of listeners) listener(because);
    this.#controller?.abort(because);
  }

  finish(): void {
    this.#finished = true;
    this.#listeners = undefined;
  }

  onAbort(listener: Listener): () => void {
    if (this.reason !== undefined) {
      listener(this.reason);
      return nothing;
    }
    // Whoever still runs after the answer is told nothing any more.
    if (this.#finished) return nothing;
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    return () => this.#listeners?.delete(listener);
  }

  async race<T>(work: Promise<T>): Promise<T> {
    let release = nothing;
    const interrupted = new Promise<never>((_resolve, reject) => {
      release = this.onAbort(reject);
    });
    try {
      return await Promise.race([work, interrupted]);
    } finally {
      release();
    }
  }
}
