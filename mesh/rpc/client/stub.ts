import type { Metadata } from '../../kernel/call.ts';
import type { MessageOf, MethodDefinition, ServiceDefinition } from '../../schema/definition.ts';

/** What a caller may say of one call. */
export interface CallOptions {
  /** Gives the call up when it aborts; the caller's own context (an incoming call's) does so anyway. */
  readonly signal?: AbortSignal;
  /**
   * Longest time of the call over all its attempts, in ms; never more than the caller's own deadline leaves.
   * Default: what the schema says, else the client's `timeoutMs`. Streams have none unless it is given here.
   */
  readonly timeoutMs?: number;
  /** Sent along; keys in lower case, bytes under keys that end in "-bin". */
  readonly metadata?: Metadata;
  /** The server's header metadata; once for each attempt that gets that far, so the last one counts. */
  readonly onHeader?: (metadata: Metadata) => void;
  /** The server's trailer metadata, of failed attempts too; the last one counts. */
  readonly onTrailer?: (metadata: Metadata) => void;
}

type Req<M extends MethodDefinition> = MessageOf<M['requestType']>;
type Res<M extends MethodDefinition> = MessageOf<M['responseType']>;

/**
 * A method as its caller sees it, by its kind. Errors are MeshErrors. An iterable of responses begins its
 * call with the first read, may be read once, and cancels the call when it is left early (`break`).
 */
export type ClientMethod<M extends MethodDefinition> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? (requests: AsyncIterable<Req<M>>, options?: CallOptions) => AsyncIterable<Res<M>>
    : (requests: AsyncIterable<Req<M>>, options?: CallOptions) => Promise<Res<M>>
  : M['responseStream'] extends true
    ? (request: Req<M>, options?: CallOptions) => AsyncIterable<Res<M>>
    : (request: Req<M>, options?: CallOptions) => Promise<Res<M>>;

/** A typed client of one service: a function for each of its methods. */
export type Client<D extends ServiceDefinition> = {
  readonly [K in keyof D['methods']]: ClientMethod<D['methods'][K]>;
} & AsyncDisposable;
