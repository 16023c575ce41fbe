import type { Metadata } from '../../kernel/call.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { MessageOf, MethodDefinition, ServiceDefinition } from '../../schema/definition.ts';

/** What a caller may say of one call. */
export interface CallOptions {
  /** Gives the call up when it aborts; the caller's own context (an incoming call's) does so anyway. */
  readonly signal?: AbortSignal;
  /**
   * Longest time of the call over all its attempts, in ms; never more than the caller's own deadline leaves.
   * Default: what the policy says. Streams have none unless it is given here.
   */
  readonly timeoutMs?: number;
  /** Sent along; keys in lower case, bytes under keys that end in "-bin". */
  readonly metadata?: Metadata;
  /** The server's header metadata; once for each attempt that gets that far, so the last one counts. */
  readonly onHeader?: (metadata: Metadata) => void;
  /** The server's trailer metadata, of failed attempts too; the last one counts. */
  readonly onTrailer?: (metadata: Metadata) => void;
  /** Told when the answer is a fallback and not the target's, before it is given. */
  readonly onFallback?: (substitute: Substitute) => void;
}

/** An answer in place of the target's. */
export interface Substitute {
  /** The last good answer to the same request, or the one that the client was made with. */
  readonly source: 'last answer' | 'fallback';
  /** Why the target's own answer is not there. */
  readonly error: MeshError;
  /** How old the answer is, in ms; 0 for a fallback. */
  readonly ageMs: number;
}

/** The request message of a method. */
export type RequestOf<M extends MethodDefinition> = MessageOf<M['requestType']>;
/** The response message of a method. */
export type ResponseOf<M extends MethodDefinition> = MessageOf<M['responseType']>;

/**
 * A method as its caller sees it, by its kind. Errors are MeshErrors. An iterable of responses begins its
 * call with the first read, may be read once, and cancels the call when it is left early (`break`).
 */
export type ClientMethod<M extends MethodDefinition> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? (requests: AsyncIterable<RequestOf<M>>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (requests: AsyncIterable<RequestOf<M>>, options?: CallOptions) => Promise<ResponseOf<M>>
  : M['responseStream'] extends true
    ? (request: RequestOf<M>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (request: RequestOf<M>, options?: CallOptions) => Promise<ResponseOf<M>>;

/** A typed client of one service: a function for each of its methods. */
export type Client<D extends ServiceDefinition> = {
  readonly [K in keyof D['methods']]: ClientMethod<D['methods'][K]>;
} & AsyncDisposable;
