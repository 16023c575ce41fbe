import type { MeshError } from './error.ts';

/**
 * The end of a piece of work, told to whoever works for it. An AbortSignal does the same for a hundred times
 * the price (an AbortController is an EventTarget, and an abort builds a DOMException); a signal is made from
 * this only where a person asks for one.
 */
export interface Cancellation {
  /** Why nobody waits any more; undefined as long as somebody does. */
  readonly reason: MeshError | undefined;
  /**
   * Calls `listener` once when nobody waits any more, at once if that has happened. The returned function
   * takes it back: call it as soon as the work has ended.
   */
  onAbort(listener: (reason: MeshError) => void): () => void;
}
