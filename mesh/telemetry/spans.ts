import type { TransportKind } from '../kernel/call.ts';
import type { TraceContext } from '../kernel/context.ts';
import type { MeshError } from '../kernel/error.ts';

/**
 * Spans: one record for each side of each exchange. A process keeps its last ones in a ring, so that
 * `weft trace` can draw the way of an order without a collector beside the mesh.
 */

/** Which side of which exchange a span stands on, in the words of OpenTelemetry; or a step of a saga. */
export type SpanKind = 'client' | 'server' | 'producer' | 'consumer' | 'step';

/** One piece of work of a trace, recorded when it has ended. */
export interface SpanRecord {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  /** The span that caused this one; absent at the root. */
  readonly parentSpanId?: string;
  /** A call as its caller or its server saw it, an event as it was sent or handled, a try of a saga's step. */
  readonly kind: SpanKind;
  /** The method, as "shop.orders.v1.OrdersService/PlaceOrder", the event type, or saga and step, as "place-order/charge". */
  readonly name: string;
  /** Wall time of the beginning, in ms since the epoch. */
  readonly startMs: number;
  /** In microseconds. */
  readonly durationUs: number;
  /** A gRPC status name; for consumers also "DEAD_LETTERED". */
  readonly status: string;
  /** Clients: the endpoint that answered, "host:port". Servers: the caller's address. Events: the consumer or channel. Steps: the id of the saga. */
  readonly peer: string;
  /** Attempts of a call or step, or deliveries of an event; 1 when all went well. */
  readonly attempts: number;
  /** Calls: how the last attempt travelled. */
  readonly transport?: TransportKind;
  /** Clients: the service that was called, by its name in discovery. */
  readonly target?: string;
  /** Clients: the instance of the last attempt; empty when there was none. */
  readonly endpoint?: string;
  /** What it failed with; absent when it did not. */
  readonly failure?: SpanFailure;
  /** Clients: the attempts that failed, in their order; absent without one. */
  readonly failedAttempts?: readonly FailedAttempt[];
  /** Clients: the time between attempts, in microseconds; absent when none was repeated. */
  readonly waitedUs?: number;
  /** Whoever began the trace asked that it be recorded nowhere (W3C Trace Context): shown here, exported never. */
  readonly unsampled?: true;
}

/** The error of a span, as far as it is kept: a ring of errors would keep their stacks and causes. */
export interface SpanFailure {
  /** As "NO_ENDPOINT"; empty when it named none. */
  readonly reason: string;
  /** In words, at most 300 characters. */
  readonly message: string;
}

/** One attempt of a call that failed. */
export interface FailedAttempt extends SpanFailure {
  readonly instanceId: string;
  /** The gRPC status name. */
  readonly status: string;
  /** In microseconds. */
  readonly durationUs: number;
}

const longestMessage = 300;

/** What a span keeps of an error. */
export function failureOf({ reason = '', rawMessage }: MeshError): SpanFailure {
  const cut = rawMessage.length > longestMessage;
  return { reason, message: cut ? `${rawMessage.slice(0, longestMessage - 1)}…` : rawMessage };
}

/** What the record of a span in this trace says of its sampling. */
export function samplingOf(trace: TraceContext): Pick<SpanRecord, 'unsampled'> {
  return isUnsampled(trace) ? { unsampled: true } : {};
}

/** Almost never so, and asked for every call. */
export function isUnsampled({ flags }: TraceContext): boolean {
  return flags !== undefined && (flags & 1) === 0;
}

/** Where spans go. `record` never throws and never waits. */
export interface SpanSink {
  /** Takes a span that has ended. Must neither throw nor wait: it stands in the way of calls. */
  record(span: SpanRecord): void;
}

/** Hands each span to both. */
export function bothSinks(one: SpanSink, other: SpanSink): SpanSink {
  return {
    record(span) {
      one.record(span);
      other.record(span);
    },
  };
}

/** Keeps nothing; the default of library parts used alone. */
export const noSpans: SpanSink = { record: () => undefined };

export interface SpanRing extends SpanSink {
  /** The spans of one trace that are still kept, in the order in which they ended. */
  ofTrace(traceId: string): SpanRecord[];
  /**
   * Tells `listener` of every span from now on, until the returned function is called. It stands in the way of
   * calls as `record` does. Nobody listens, nothing is done.
   */
  follow(listener: (span: SpanRecord) => void): () => void;
  /** The `limit` traces of which a span ended last, newest first; spans that are not wanted do not count. */
  lastTraces(limit: number, wanted: (span: SpanRecord) => boolean): RememberedTrace[];
}

/** What a ring still knows of one trace. */
export interface RememberedTrace {
  /** The one that began first. */
  readonly first: SpanRecord;
  readonly spans: number;
  /** Those that ended otherwise than OK. */
  readonly failed: number;
  /** When the last of them ended, in ms since the epoch. */
  readonly endMs: number;
}

/**
 * Keeps the last `capacity` spans. Recording overwrites one slot: no allocation but the span itself; the
 * search is linear, for it is made by people.
 */
export function createSpanRing(capacity = 8192): SpanRing {
  const slots: SpanRecord[] = [];
  let next = 0;
  // Undefined and not empty: most processes are never followed, and each call pays for one look.
  let followers: readonly ((span: SpanRecord) => void)[] | undefined;
  const oldestFirst = (): SpanRecord[] => [...slots.slice(next), ...slots.slice(0, next)];
  return {
    record(span) {
      slots[next] = span;
      next = (next + 1) % capacity;
      if (followers !== undefined) for (const tell of followers) tell(span);
    },
    follow(listener) {
      const tell = (span: SpanRecord): void => listener(span);
      followers = [...(followers ?? []), tell];
      return () => {
        const left = followers?.filter((each) => each !== tell) ?? [];
        followers = left.length === 0 ? undefined : left;
      };
    },
    ofTrace(traceId) {
      return oldestFirst().filter((span) => span.traceId === traceId);
    },
    lastTraces(limit, wanted) {
      // A Map remembers in which order its keys came: that of the newest spans.
      const traces = new Map<string, RememberedTrace>();
      for (const span of oldestFirst().reverse()) {
        if (!wanted(span)) continue;
        const known = traces.get(span.traceId);
        if (known === undefined && traces.size >= limit) continue;
        traces.set(span.traceId, withSpan(known, span));
      }
      return [...traces.values()];
    },
  };
}

function withSpan(trace: RememberedTrace | undefined, span: SpanRecord): RememberedTrace {
  const failed = span.status === 'OK' ? 0 : 1;
  const endMs = span.startMs + span.durationUs / 1000;
  if (trace === undefined) return { first: span, spans: 1, failed, endMs };
  return {
    first: span.startMs < trace.first.startMs ? span : trace.first,
    spans: trace.spans + 1,
    failed: trace.failed + failed,
    endMs: Math.max(endMs, trace.endMs),
  };
}
