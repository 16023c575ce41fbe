import type { Metadata as GrpcMetadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { parseBaggage } from '../../kernel/baggage.ts';
import type { MethodInfo, TransportKind } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { childTrace, parseTraceparent, type RunUnder } from '../../kernel/context.ts';
import { type Deadline, deadlineIn } from '../../kernel/deadline.ts';
import type { Random } from '../../kernel/random.ts';
import { createScope, type Scope } from '../../kernel/scope.ts';
import { arrivedMetadata, toGrpcMetadata } from '../metadata.ts';
import { callerOfCall } from '../mtls/peer.ts';
import { Entries, headersSent } from './answer.ts';
import type { HandlerContext } from './implementation.ts';

/** What the server stack knows of a call beyond what a handler does. */
export interface ServerContext extends HandlerContext {
  readonly scope: Scope;
  /** When the call arrived, in monotonic ms. */
  readonly arrivedMs: number;
  /** The size of all metadata that arrived, as HTTP/2 counts it. */
  readonly metadataBytes: number;
  readonly transport: TransportKind;
  /** Bytes of the messages so far, without their frames. */
  readonly traffic: Traffic;
}

/** The caller at the far end of a Unix socket, who has no address of its own; gRPC's C core says it so too. */
export const unixPeer = 'unix:';

export interface Traffic {
  sentBytes: number;
  receivedBytes: number;
}

/** The call of a stream, with what its answer needs. */
export interface StreamContext extends ServerContext {
  /** The first message is about to be sent: headers go now, and `setHeader` is refused from here on. */
  sendHeaders(): void;
  /** The same at the end of a call, if there are any: without, a status may come alone. */
  sendSetHeaders(): void;
  /** The trailers set so far. */
  trailers(): GrpcMetadata;
}

/** A call that a drain waits for, and ends when it has waited long enough. */
export type Running = Pick<Scope, 'abort'>;

/** What every call of one server shares. */
export interface CallEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** How long the end of a request stream is held back, in case a reset follows; in ms. */
  readonly resetGraceMs: number;
  /** How long the one request of a unary call may take to arrive, in ms. */
  readonly requestTimeoutMs: number;
  /** Aborts when the server begins to drain. */
  readonly draining: AbortSignal;
  /** Runs the handlers. */
  readonly runUnder: RunUnder;
  /** The calls that are not answered yet. */
  readonly running: Set<Running>;
}

/** A stream as grpc-js hands it out. */
interface OpenedStream {
  readonly call: ServerInterceptingCallInterface;
  readonly metadata: GrpcMetadata;
}

/** The context of a stream, and the scope that ends with it. */
export function openStream(
  { call, metadata }: OpenedStream,
  method: MethodInfo,
  environment: CallEnvironment,
): StreamContext {
  const { clock, random, draining } = environment;
  const scope = createScope();
  const arrived = arrivedMetadata(metadata);
  const parent = parseTraceparent(arrived.traceparent, arrived.tracestate);
  const baggage = arrived.baggage === undefined ? undefined : parseBaggage(arrived.baggage);
  const deadline = deadlineOf(call, clock);
  return {
    method,
    arrivedMs: clock.monotonic(),
    metadata: arrived.metadata,
    metadataBytes: arrived.bytes,
    transport: 'plain',
    traffic: { sentBytes: 0, receivedBytes: 0 },
    draining,
    scope,
    cancellation: scope,
    ...createAnswer(call, method),
    get signal() {
      return scope.signal;
    },
    // grpc-js knows no address for the far end of a Unix socket, and says "unknown".
    peer: call.getPeer().replace('unknown', unixPeer),
    caller: callerOfCall(call),
    trace: childTrace(parent, random),
    attempt: arrived.attempt,
    parentSpanId: parent?.spanId,
    ...(deadline && { deadline }),
    ...(baggage && { baggage }),
  };
}

type Answer = Pick<
  StreamContext,
  'setHeader' | 'setTrailer' | 'sendHeaders' | 'sendSetHeaders' | 'trailers'
>;

function createAnswer(call: ServerInterceptingCallInterface, method: MethodInfo): Answer {
  const headers = new Entries();
  const trailers = new Entries();
  let sent = false;
  return {
    setHeader(key, value) {
      if (sent) throw headersSent(method, key);
      headers.set(key, value);
    },
    setTrailer(key, value) {
      trailers.set(key, value);
    },
    sendHeaders() {
      if (sent) return;
      sent = true;
      call.sendMetadata(toGrpcMetadata(headers.all ?? {}));
    },
    sendSetHeaders() {
      if (!sent && headers.all !== undefined) call.sendMetadata(toGrpcMetadata(headers.all));
      sent = true;
    },
    trailers: () => toGrpcMetadata(trailers.all ?? {}),
  };
}

/** grpc-js turns grpc-timeout into a time of day; weft goes on with what is left, on a clock that never jumps. */
function deadlineOf(call: ServerInterceptingCallInterface, clock: Clock): Deadline | undefined {
  const at = Number(call.getDeadline());
  return Number.isFinite(at) ? deadlineIn(at - clock.now(), clock) : undefined;
}
