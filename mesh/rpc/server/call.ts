import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import type { CallContext, MethodInfo } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { childTrace, parseTraceparent } from '../../kernel/context.ts';
import { type Deadline, deadlineIn, remainingMs } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import { addEntry, firstText, fromGrpcMetadata } from '../metadata.ts';
import type { HandlerContext } from './implementation.ts';
import { createScope, type Scope } from './scope.ts';

/** The parts of grpc-js's call object that all four kinds share. */
export interface GrpcCall {
  readonly metadata: GrpcMetadata;
  getPeer(): string;
  getDeadline(): Date | number;
  sendMetadata(headers: GrpcMetadata): void;
  on(event: 'cancelled', listener: () => void): unknown;
}

/** What the layers of the server stack know beyond what a handler does. */
export interface ServerContext extends HandlerContext {
  readonly scope: Scope;
  /** The first message is about to be sent: headers go now, and `setHeader` is refused from here on. */
  sendHeaders(): void;
  /** The trailers set so far. */
  trailers(): GrpcMetadata;
}

/** What every call of one server shares. */
export interface CallEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** How long the end of a request stream is held back, in case a reset follows; in ms. */
  readonly resetGraceMs: number;
  /** Aborts when the server begins to drain. */
  readonly draining: AbortSignal;
  /** The scopes of the calls that are not answered yet; a drain waits for them. */
  readonly running: Set<Scope>;
}

/** Takes a call from grpc-js: its context, and the scope that ends with it. */
export function openCall(
  call: GrpcCall,
  method: MethodInfo,
  environment: CallEnvironment,
): ServerContext {
  const { clock, random, draining, running } = environment;
  const scope = createScope();
  const metadata = fromGrpcMetadata(call.metadata);
  const parent = parseTraceparent(firstText(metadata, 'traceparent'));
  const deadline = deadlineOf(call, clock);
  const answer = createAnswer(call, method);
  running.add(scope);
  call.on('cancelled', () => {
    // grpc-js says so after every call, answered ones too; an error costs microseconds to make.
    if (running.has(scope)) scope.abort(goneError(method, deadline, clock));
  });
  return {
    method,
    metadata,
    draining,
    scope,
    ...answer,
    get signal() {
      return scope.signal;
    },
    peer: call.getPeer(),
    trace: childTrace(parent, random),
    attempt: attemptOf(firstText(metadata, 'grpc-previous-rpc-attempts')),
    ...(parent && { parentSpanId: parent.spanId }),
    ...(deadline && { deadline }),
  };
}

/** The call is answered, or nobody waits for the answer. */
export function closeCall({ scope }: ServerContext, { running }: CallEnvironment): void {
  scope.finish();
  running.delete(scope);
}

/**
 * The context that `openCall` made. Layers pass the context on as they got it (see CallContext), so what
 * arrives at the innermost one is still the server's own.
 */
export function serverContext(context: CallContext): ServerContext {
  if (isServerContext(context)) return context;
  throw new MeshError('a layer of the server stack replaced the context of the call; pass it on', {
    status: 'INTERNAL',
    reason: 'CONTEXT_REPLACED',
  });
}

function isServerContext(context: CallContext): context is ServerContext {
  return 'scope' in context;
}

type Answer = Pick<ServerContext, 'setHeader' | 'setTrailer' | 'sendHeaders' | 'trailers'>;

function createAnswer(call: GrpcCall, { service, name }: MethodInfo): Answer {
  let headers: GrpcMetadata | undefined;
  let trailers: GrpcMetadata | undefined;
  let sent = false;
  return {
    setHeader(key, value) {
      if (sent) {
        const message = `${service}/${name} sets header ${JSON.stringify(key)} after its first message; set it before, or as a trailer`;
        throw new MeshError(message, { status: 'FAILED_PRECONDITION', reason: 'HEADERS_SENT' });
      }
      headers ??= new GrpcMetadata();
      headers.remove(key);
      addEntry(headers, key, value);
    },
    setTrailer(key, value) {
      trailers ??= new GrpcMetadata();
      trailers.remove(key);
      addEntry(trailers, key, value);
    },
    sendHeaders() {
      // Without entries of ours grpc-js sends them by itself, or, with an error, not at all.
      if (!sent && headers !== undefined) call.sendMetadata(headers);
      sent = true;
    },
    trailers: () => trailers ?? new GrpcMetadata(),
  };
}

/** grpc-js turns grpc-timeout into a time of day; weft goes on with what is left, on a clock that never jumps. */
function deadlineOf(call: GrpcCall, clock: Clock): Deadline | undefined {
  const at = Number(call.getDeadline());
  return Number.isFinite(at) ? deadlineIn(at - clock.now(), clock) : undefined;
}

function attemptOf(previous: string | undefined): number {
  return previous !== undefined && /^\d{1,3}$/.test(previous) ? Number(previous) + 1 : 1;
}

/** How near to its deadline a call that is cancelled has been ended by it, in ms. */
const nearMs = 50;

function goneError(
  { service, name }: MethodInfo,
  deadline: Deadline | undefined,
  clock: Clock,
): MeshError {
  // The deadline ends a call on either side, and both ways look like a cancellation here: grpc-js's own timer,
  // or the reset of a caller whose clock began earlier by the time that the request was under way.
  if (deadline !== undefined && remainingMs(deadline, clock) <= nearMs) {
    const message = `${service}/${name} did not finish before its deadline`;
    return new MeshError(message, { status: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_PASSED' });
  }
  const message = `${service}/${name} was cancelled by its caller, or the connection was lost`;
  return new MeshError(message, { status: 'CANCELLED', reason: 'CALLER_GONE' });
}
