import type { Caller } from '../../identity/caller.ts';
import type { CallContext } from '../../kernel/call.ts';
import type { MessageOf, MethodDefinition, ServiceDefinition } from '../../schema/definition.ts';

/** What a handler knows of its call, beside the request. */
export interface HandlerContext extends CallContext {
  /**
   * Aborts when nobody waits for the answer any more: the client gave up, the deadline passed, the
   * connection is lost, or the server ends before the call does. The reason is the MeshError.
   */
  readonly signal: AbortSignal;
  /**
   * Aborts when the server begins to drain. A handler that keeps a stream open for long ends it then, so
   * that the client moves to another instance and the drain does not wait for its whole grace.
   */
  readonly draining: AbortSignal;
  /** The caller's address, as "127.0.0.1:51234". */
  readonly peer: string;
  /** Who calls, as the certificate of the connection proves; undefined for a server without an identity. */
  readonly caller?: Caller | undefined;
  /** The caller's span; absent when the trace begins here. */
  readonly parentSpanId?: string | undefined;
  /**
   * Sets a header of the answer. Throws FAILED_PRECONDITION / HEADERS_SENT after the first message has
   * been sent, INVALID_ARGUMENT / INVALID_METADATA for what cannot travel.
   */
  setHeader(key: string, value: string | Uint8Array): void;
  /** Sets an entry of the trailers, which travel with the status. Throws INVALID_ARGUMENT as above. */
  setTrailer(key: string, value: string | Uint8Array): void;
}

/** The request message of a method. */
export type RequestOf<M extends MethodDefinition> = MessageOf<M['requestType']>;

/** The response message of a method. */
export type ResponseOf<M extends MethodDefinition> = MessageOf<M['responseType']>;

/** The handler of a method, by its kind. What it throws becomes the status of the call. */
export type MethodHandler<M extends MethodDefinition> = M['requestStream'] extends true
  ? M['responseStream'] extends true
    ? (
        requests: AsyncIterable<RequestOf<M>>,
        context: HandlerContext,
      ) => AsyncIterable<ResponseOf<M>>
    : (requests: AsyncIterable<RequestOf<M>>, context: HandlerContext) => Promise<ResponseOf<M>>
  : M['responseStream'] extends true
    ? (request: RequestOf<M>, context: HandlerContext) => AsyncIterable<ResponseOf<M>>
    : (request: RequestOf<M>, context: HandlerContext) => Promise<ResponseOf<M>>;

/**
 * A service as its author writes it: one handler for every method of the definition. A handler that is
 * missing, or takes or gives another message, does not compile.
 */
export type Implementation<D extends ServiceDefinition> = {
  readonly [K in keyof D['methods']]: MethodHandler<D['methods'][K]>;
};
