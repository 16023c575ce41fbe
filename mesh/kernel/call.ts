import type { Baggage } from './baggage.ts';
import type { Cancellation } from './cancellation.ts';
import type { TraceContext } from './context.ts';
import type { Deadline } from './deadline.ts';
import type { Status } from './status.ts';

/** The four kinds of call of gRPC. */
export type CallKind = 'unary' | 'server-stream' | 'client-stream' | 'bidi';

/** How a call travels: as a call of gRPC, or as a message of the lasting stream between two peers. */
export type TransportKind = 'plain' | 'lane';

/** What the schema says of a repeated call (google.protobuf.MethodOptions.idempotency_level). */
export type Idempotency = 'unknown' | 'idempotent' | 'no-side-effects';

/** One method of one service, as the schema describes it. */
export interface MethodInfo {
  /** The full service name, as "shop.orders.v1.OrdersService". */
  readonly service: string;
  /** The method's name in the schema, as "PlaceOrder". */
  readonly name: string;
  /** The path on the wire, as "/shop.orders.v1.OrdersService/PlaceOrder". */
  readonly path: string;
  /** Which of the four kinds of call. */
  readonly kind: CallKind;
  /** Whether it may be repeated; "unknown" where the schema says nothing. */
  readonly idempotency: Idempotency;
  /** weft.v1.Policy of the method; an absent number means the default. */
  readonly policy: {
    timeoutMs?: number;
    attempts?: number;
    idleTimeoutMs?: number;
    /** Share of calls that may be hedged, 0 to 1; only on methods without side effects. */
    maxExtraLoad?: number;
    /** Statuses retried beside those that always are; only on idempotent methods. */
    retryOn?: readonly Status[];
  };
}

/** Metadata of a call: lower-case keys; keys that end in "-bin" hold bytes; several values as a list. */
export type Metadata = Readonly<
  Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>
>;

/** What travels beside one request; the same object for all layers of one attempt. */
export interface CallContext {
  /** What is called. */
  readonly method: MethodInfo;
  /** Absent only for streams without one. */
  readonly deadline?: Deadline;
  /** Aborts when the caller gives up. */
  readonly signal?: AbortSignal;
  /** The same, for a price that every call can pay (kernel/cancellation.ts). Whoever sets both means one end. */
  readonly cancellation?: Cancellation;
  /** As the caller gave it, or as it arrived. */
  readonly metadata: Metadata;
  /** Of this call; what it causes is its child. */
  readonly trace: TraceContext;
  /** What the caller's work is told of its circumstances. */
  readonly baggage?: Baggage | undefined;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

/** The type at the centre: a request goes in, a response comes out, or a MeshError is thrown. */
export type Call<Req = unknown, Res = unknown> = (
  request: Req,
  context: CallContext,
) => Promise<Res>;

/** Whatever wraps a call: deadline, guard, trace, validation. */
export type Layer = (next: Call) => Call;

/** The same for streams, in all three kinds: a single message is a stream of one. */
export type StreamCall<Req = unknown, Res = unknown> = (
  requests: AsyncIterable<Req>,
  context: CallContext,
) => AsyncIterable<Res>;

export type StreamLayer = (next: StreamCall) => StreamCall;

/** Stacks layers around a call, outermost first, in the order in which they are read. */
export function compose<C>(layers: readonly ((next: C) => C)[], innermost: C): C {
  return layers.reduceRight((next, layer) => layer(next), innermost);
}
