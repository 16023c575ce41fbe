import type { CallContext, Metadata, MethodInfo, TransportKind } from '../kernel/call.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { MessageType } from '../schema/definition.ts';

/**
 * How a call reaches an endpoint. Above this port one attempt has an endpoint, a deadline and metadata, and
 * is an attempt among others; below it are connections and bytes. Retries, balancing and breaking are never
 * a transport's business: one call here is one attempt there, and its outcome is reported as it was.
 */
export interface Transport {
  /**
   * A connection to `endpoint`. Returns at once and connects when it is first needed; a connection that
   * breaks is made again by itself.
   */
  open(endpoint: Endpoint): Connection;
}

/**
 * Calls to one endpoint. All four kinds share these promises:
 *
 * - **It ends.** An attempt ends by its answer, by `context.deadline` (DEADLINE_EXCEEDED), or by
 *   `context.signal`; after an abort nothing more is sent, the server is told, and the error is that of
 *   `aborted()`. No listener, timer or buffer of an attempt outlives it.
 * - **It tells the truth about reach.** `UnreachedError` is thrown when, and only when, no handler can have
 *   seen the call: the connection could not be made (within a bound of about a second, however long the
 *   deadline), or the peer refused the stream before it began. When in doubt it is not that error.
 * - **Everything thrown is a MeshError** whose message names method, endpoint and attempt, with reason and
 *   details as the server gave them. A request that cannot be encoded (UNENCODABLE_REQUEST), that is over
 *   the limit (REQUEST_TOO_LARGE), or metadata that cannot travel (INVALID_METADATA) fails before anything
 *   is sent.
 * - **It sends** `context.metadata`, and by itself traceparent (`context.trace`), the deadline as a duration,
 *   and grpc-previous-rpc-attempts (`context.attempt` - 1) when there were any.
 */
export interface Connection extends Closeable {
  /** One request, one response. */
  unary<Req, Res>(method: Method<Req, Res>, request: Req, context: AttemptContext): Promise<Res>;
  /**
   * Any other kind; one message is a stream of one. The call begins with the first read. `requests` is not
   * touched before there is a connection, and is read only as fast as the peer takes it; responses are
   * fetched only a little ahead of their reader. If `requests` throws, the call is cancelled and the reader
   * gets CANCELLED / REQUESTS_FAILED with that error as its cause. Leaving the responses early cancels the
   * call; however the call ends, `requests` is told so by its `return`.
   */
  stream<Req, Res>(
    method: Method<Req, Res>,
    requests: AsyncIterable<Req>,
    context: AttemptContext,
  ): AsyncIterable<Res>;
  /**
   * Takes no new calls (they throw UnreachedError), lets those under way end by themselves, then releases
   * the sockets and resolves. Whoever cannot wait aborts the calls first.
   */
  close(): Promise<void>;
}

/** A method with its codecs. The messages are `unknown` to whoever only passes them on. */
export interface Method<Req = unknown, Res = unknown> extends MethodInfo {
  readonly requestType: MessageType<Req>;
  readonly responseType: MessageType<Res>;
}

/** What a transport tells of an attempt, for spans and metrics; written before the attempt ends. */
export interface AttemptReport {
  /** How the last attempt travelled. */
  transport: TransportKind;
  /** Bytes of the request messages as they were sent, and of the response messages as they came. */
  sentBytes: number;
  receivedBytes: number;
}

/**
 * What goes with one attempt. It ends early by `cancellation` or `signal`, whichever is there: listen with
 * `onGivenUp` (signals.ts), which knows both.
 */
export interface AttemptContext extends CallContext {
  /** Absent when nobody wants to know. */
  readonly report?: AttemptReport | undefined;
  /** The server's header metadata, as soon as it is here. */
  readonly onHeader?: ((metadata: Metadata) => void) | undefined;
  /** The server's trailer metadata, before the attempt ends; also when it ends with an error. */
  readonly onTrailer?: ((metadata: Metadata) => void) | undefined;
}
