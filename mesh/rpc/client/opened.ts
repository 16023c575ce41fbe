import type { MeshError } from '../../kernel/error.ts';
import type { ClientContext } from './context.ts';

export type Step = IteratorResult<unknown, unknown>;

/** How a stream has ended for its reader. */
export type StreamEnd =
  | { readonly how: 'well' }
  /** The reader stopped reading. */
  | { readonly how: 'left' }
  | { readonly how: 'failed'; readonly error: MeshError };

/** A stream whose first message is here, or that has ended without one. */
export interface Opened {
  readonly first: Step;
  /** The messages behind the first. */
  readonly messages: AsyncIterator<unknown, unknown>;
  /** Told once how it ended; gives back the error that the reader is to get, if it failed. */
  ended(end: StreamEnd): MeshError | undefined;
}

/**
 * What a stream of the client goes through on its way out, as far as its first message: rejects if there is no
 * stream, and has cleaned up then. What comes behind the first message passes by; only the end is told.
 */
export type Open = (requests: AsyncIterable<unknown>, context: ClientContext) => Promise<Opened>;
