import type { MethodInfo } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import type { ServerMeter } from '../../telemetry/rpc-metrics.ts';
import {
  failureOf,
  isUnsampled,
  noSpans,
  type SpanRecord,
  type SpanSink,
} from '../../telemetry/spans.ts';
import type { ServerContext } from './call.ts';

/** What is recorded of the calls of one method. */
export interface Observer {
  /** A call has arrived. */
  begin(): void;
  /** The call has ended, as its caller sees it. */
  end(context: ServerContext, status: Status, error?: MeshError): void;
  /**
   * A call has ended that the stack never saw: its request was too large, or did not become complete. It is
   * measured, and has no span: whoever refuses it has not read the metadata.
   */
  refused(status: Status, begun: Moment): void;
}

/** When a call began: on the clock that never jumps. Durations and deadlines are measured from here. */
export type Moment = number;

export interface ObserverParts {
  readonly method: MethodInfo;
  readonly clock: Clock;
  readonly spans: SpanSink;
  readonly meter: ServerMeter;
}

type Span = { -readonly [K in keyof SpanRecord]: SpanRecord[K] };

/** One span and one measurement a call; nothing is made for a sink that keeps nothing. */
export function createObserver({ method, clock, spans, meter }: ObserverParts): Observer {
  const keeps = spans !== noSpans;
  const name = `${method.service}/${method.name}`;
  return {
    begin() {
      meter.callStarted();
    },
    end(context, status, error) {
      const { transport, traffic, arrivedMs } = context;
      const durationMs = clock.monotonic() - arrivedMs;
      meter.callEnded(status, durationMs, transport, traffic.sentBytes, traffic.receivedBytes);
      if (!keeps) return;
      const span = spanOf(context, name, status, durationMs);
      span.startMs = clock.now() - durationMs;
      if (error !== undefined) span.failure = failureOf(error);
      spans.record(span);
    },
    refused(status, begun) {
      meter.callStarted();
      // Lanes hand in complete requests only: what ends before that has come plainly.
      meter.callEnded(status, clock.monotonic() - begun, 'plain', 0, 0);
    },
  };
}

function spanOf(context: ServerContext, name: string, status: Status, durationMs: number): Span {
  const { trace, parentSpanId } = context;
  const span: Span = {
    traceId: trace.traceId,
    spanId: trace.spanId,
    kind: 'server',
    name,
    startMs: 0,
    durationUs: Math.round(durationMs * 1000),
    status,
    peer: context.peer,
    attempts: context.attempt,
    transport: context.transport,
  };
  // Not by a conditional spread, which would be the dearest thing in here.
  if (parentSpanId !== undefined) span.parentSpanId = parentSpanId;
  if (isUnsampled(trace)) span.unsampled = true;
  return span;
}
