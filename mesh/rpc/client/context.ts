import type { EffectiveMethodPolicy } from '../../config/defaults.ts';
import type { CallContext, Metadata } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Context, childTrace } from '../../kernel/context.ts';
import type { Deadline } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import type { Repeats } from '../../telemetry/rpc-metrics.ts';
import type { FailedAttempt } from '../../telemetry/spans.ts';
import { givenUp } from '../signals.ts';
import type { AttemptContext, AttemptReport, Method } from '../transport.ts';
import type { Ending } from './ending.ts';
import type { CallOptions } from './stub.ts';

/** What the client knows of a call beyond what a transport does. */
export interface ClientContext extends AttemptContext {
  readonly method: Method;
  /** What stood for the method when the call began: a change in the middle of a call would be half obeyed. */
  readonly policy: EffectiveMethodPolicy;
  /** What the caller inherits from the call or event that it serves. */
  readonly parent: Context;
  /** When the call began, in monotonic ms. */
  readonly startMs: number;
  /** What has become of the call so far; one object for all its attempts, but for the two of a hedge. */
  readonly report: Report;
  /** Streams: ends the call from within, with `reason` for its reader. */
  readonly cancel?: ((reason: MeshError) => void) | undefined;
  readonly onFallback?: CallOptions['onFallback'];
  /** Streams that have an idle timeout: what ends them when they are silent. */
  readonly silence?: SilenceWatch | undefined;
}

/** Watches how long a stream is silent, between `begin` and `end` (idle.ts). */
export interface SilenceWatch {
  begin(): void;
  end(): void;
  /** The same requests; each one that is taken breaks the silence. */
  hearing<T>(requests: AsyncIterable<T>): AsyncIterable<T>;
}

export interface Report extends AttemptReport {
  /** Attempts begun; 0 for a call that was refused. */
  attempts: number;
  /** "host:port" of the last attempt; empty before the first. */
  peer: string;
  /** The same endpoint by its id. */
  instanceId: string;
  /** instanceIds that failed this call, so that the next attempt goes elsewhere; made for the first of them. */
  failed: Set<string> | undefined;
  /** The attempts that failed, for whoever asks why; made for the first of them. */
  failedAttempts: FailedAttempt[] | undefined;
  /** What came after the first attempt; made for the first of it. */
  repeats: { -readonly [K in keyof Repeats]: Repeats[K] } | undefined;
  /** Where traffic splitting sends the call, for all its attempts; -1 until that is known. */
  destination: number;
}

/** What a call is begun with. */
export interface Beginning {
  readonly parent: Context;
  readonly options: CallOptions;
  readonly policy: EffectiveMethodPolicy;
  /** Longest time that the place where it goes allows. */
  readonly limitMs?: number | undefined;
  /** That place; -1: nobody knows yet. */
  readonly destination?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly cancel?: (reason: MeshError) => void;
}

/**
 * Kept back of the caller's own deadline, in ms: an answer that comes at the last moment leaves it time to
 * answer in turn, and a failure says where the time went.
 */
const marginMs = 5;

const noMetadata: Metadata = {};

/**
 * The context of a call that begins now. A unary call always has a deadline; a stream has one only if it was
 * given or its caller has one, and is bounded by silence instead.
 */
export function beginCall(method: Method, ending: Ending, beginning: Beginning): ClientContext {
  const { parent, options, policy, clock, random, cancel, limitMs } = beginning;
  const { signal, cancellation } = ending;
  const startMs = clock.monotonic();
  const ownMs = options.timeoutMs ?? (method.kind === 'unary' ? policy.timeoutMs : undefined);
  const timeoutMs = limitMs === undefined ? ownMs : Math.min(limitMs, ownMs ?? limitMs);
  const deadline = deadlineOf(startMs, timeoutMs, parent.deadline);
  const context = {
    method,
    policy,
    parent,
    startMs,
    metadata: options.metadata ?? noMetadata,
    trace: childTrace(parent.trace, random),
    attempt: 1,
    report: newReport(beginning.destination),
    onHeader: options.onHeader,
    onTrailer: options.onTrailer,
    onFallback: options.onFallback,
    cancel,
    ...(deadline && { deadline }),
    ...(signal && { signal }),
    ...(cancellation && { cancellation }),
  };
  // Not by another conditional spread: most calls carry none, and pay for one look.
  const { baggage } = parent;
  return baggage === undefined ? context : { ...context, baggage };
}

export function newReport(destination = -1): Report {
  return {
    transport: 'plain',
    sentBytes: 0,
    receivedBytes: 0,
    attempts: 0,
    peer: '',
    instanceId: '',
    failed: undefined,
    failedAttempts: undefined,
    repeats: undefined,
    destination,
  };
}

/** The repeats of `report`, to be added to. */
export function repeatsOf(report: Report): NonNullable<Report['repeats']> {
  return (report.repeats ??= { retries: 0, transparent: 0, hedges: 0, delayMs: 0 });
}

function deadlineOf(
  startMs: number,
  timeoutMs: number | undefined,
  inherited: Deadline | undefined,
): Deadline | undefined {
  const at = timeoutMs === undefined ? Number.POSITIVE_INFINITY : startMs + timeoutMs;
  const most = inherited === undefined ? Number.POSITIVE_INFINITY : inherited.at - marginMs;
  const soonest = Math.min(at, most);
  return soonest === Number.POSITIVE_INFINITY ? undefined : { at: soonest };
}

/** Throws when the caller has left or the time is over: what is of no use any more is not begun. */
export function assertUseful(context: ClientContext): void {
  const reason = givenUp(context);
  if (reason !== undefined) throw reason;
  const { deadline, startMs, parent } = context;
  if (deadline === undefined || deadline.at > startMs) return;
  const inherited = parent.deadline !== undefined && deadline.at === parent.deadline.at - marginMs;
  const whose = inherited ? 'the call that it is part of' : 'its own time-out';
  throw new MeshError(`${nameOf(context)}: not called, ${whose} leaves it no time`, {
    status: 'DEADLINE_EXCEEDED',
    reason: 'EXPIRED_BEFORE_CALL',
  });
}

/** The context that `beginCall` made: layers may add to it, and pass it on with all it had. */
export function clientContext(context: CallContext): ClientContext {
  if (isClientContext(context)) return context;
  throw new MeshError('a layer of the client stack lost the context of the call; pass it on', {
    status: 'INTERNAL',
    reason: 'CONTEXT_REPLACED',
  });
}

/** "shop.orders.v1.OrdersService/PlaceOrder", for messages and spans. */
export function nameOf({ method }: Pick<CallContext, 'method'>): string {
  return `${method.service}/${method.name}`;
}

function isClientContext(context: CallContext): context is ClientContext {
  return 'report' in context;
}
