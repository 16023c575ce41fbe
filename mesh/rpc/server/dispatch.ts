import type { Caller } from '../../identity/caller.ts';
import type { Metadata, TransportKind } from '../../kernel/call.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { Encoded } from '../encode.ts';

/**
 * Where a unary call enters the server, whatever it travelled on: every transport hands its calls in here, so
 * that there is one stack of checks and no way around it.
 */
export interface Dispatch {
  /** The unary methods that are served; a method's place is its number in the hello of a lane. */
  readonly methods: readonly UnaryMethod[];
}

export interface UnaryMethod {
  /** As "/shop.orders.v1.OrdersService/PlaceOrder". */
  readonly path: string;
  /**
   * Runs the call. `arrival.reply` is called exactly once, never before this function has returned; after that
   * the call is over for the server. It never throws.
   */
  run(arrival: Arrival): RunningCall;
}

/** One call as it arrived. */
export interface Arrival {
  /** Where the encoded request stands; read before `run` returns. */
  readonly message: Uint8Array;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** The time on the monotonic clock, read a moment ago. */
  readonly nowMs: number;
  readonly metadata: Metadata;
  /** The size of all metadata as it travelled (RFC 9113, 6.5.2), if it is more than `metadata` tells. */
  readonly metadataBytes?: number | undefined;
  /** W3C traceparent; undefined or malformed: the trace begins here. */
  readonly traceparent: string | undefined;
  /** W3C tracestate and baggage as they came; absent from most calls. */
  readonly tracestate?: string | undefined;
  readonly baggage?: string | undefined;
  /** What is left of the caller's time, in ms; undefined: the caller set no bound. */
  readonly timeoutMs: number | undefined;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The caller's address, as "127.0.0.1:51234". */
  readonly peer: string;
  /** Who calls, as the certificate of the connection proves; undefined without one. */
  readonly caller: Caller | undefined;
  readonly transport: TransportKind;
  /** Takes the answer, which is the call's own object: what of it is needed later is copied. */
  reply(answer: Answer): void;
}

/** How a call ended. Headers and trailers are those that the handler set. */
export interface Answer {
  /** Undefined: OK, with `body`. */
  readonly error: MeshError | undefined;
  /** The encoded response; empty with an error. It stands there while `reply` runs. */
  readonly body: Encoded;
  readonly header: Metadata | undefined;
  readonly trailer: Metadata | undefined;
}

/** A call that runs. */
export interface RunningCall {
  /**
   * Ends the call early: its handler's signal aborts with `reason`, and the reply carries it. Nothing happens
   * once the call is answered. The deadline is the transport's to watch: it aborts with `deadlinePassed`.
   */
  abort(reason: MeshError): void;
  /** The reason for `abort` when `timeoutMs` is over. */
  deadlinePassed(): MeshError;
  /** The reason for `abort` when the caller cancelled or its connection broke. */
  callerGone(): MeshError;
}
