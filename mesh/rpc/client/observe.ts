import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import type { ClientMeter } from '../../telemetry/rpc-metrics.ts';
import {
  failureOf,
  isUnsampled,
  noSpans,
  type SpanRecord,
  type SpanSink,
} from '../../telemetry/spans.ts';
import type { ClientContext } from './context.ts';
import type { Open } from './opened.ts';

/** Tells metrics and spans of the calls of one method, as their caller sees them. */
export interface Observer {
  started(): void;
  /** Over all attempts; `nowMs` is monotonic. */
  ended(context: ClientContext, status: Status, nowMs: number, error?: MeshError): void;
}

/** For the inner part of a call of which an outer part tells already. */
export const silentObserver: Observer = { started: () => undefined, ended: () => undefined };

export interface ObserverParts {
  readonly clock: Clock;
  readonly spans: SpanSink;
  readonly meter: ClientMeter;
  /** "shop.orders.v1.OrdersService/PlaceOrder". */
  readonly name: string;
  /** The service that is called, by its name in discovery. */
  readonly target: string;
}

type Span = { -readonly [K in keyof SpanRecord]: SpanRecord[K] };

/** One client span a call: over all attempts, with the endpoint of the last one. */
export function createObserver({ clock, spans, meter, name, target }: ObserverParts): Observer {
  const traced = spans !== noSpans;
  return {
    started: meter.callStarted,
    ended(context, status, nowMs, error) {
      const { startMs, report, trace, parent } = context;
      const durationMs = nowMs - startMs;
      meter.callEnded(status, durationMs, report.attempts);
      if (report.repeats !== undefined) meter.callRepeated(report.repeats);
      if (!traced) return;
      const span: Span = {
        traceId: trace.traceId,
        spanId: trace.spanId,
        kind: 'client',
        name,
        status,
        peer: report.peer,
        attempts: report.attempts,
        startMs: clock.now() - durationMs,
        durationUs: Math.round(durationMs * 1000),
        transport: report.transport,
        target,
        endpoint: report.instanceId,
      };
      if (parent.trace !== undefined) span.parentSpanId = parent.trace.spanId;
      // What most calls have not is set, not spread: they pay for a look each.
      if (error !== undefined) span.failure = failureOf(error);
      if (report.failedAttempts !== undefined) span.failedAttempts = report.failedAttempts;
      if (report.repeats !== undefined) span.waitedUs = Math.round(report.repeats.delayMs * 1000);
      if (isUnsampled(trace)) span.unsampled = true;
      spans.record(span);
    },
  };
}

/** The same for a stream, which ends for its observer when its reader stops. */
export function observed(observer: Observer, clock: Clock): (next: Open) => Open {
  return (next) => async (requests, context) => {
    observer.started();
    try {
      const opened = await next(requests, context);
      return {
        ...opened,
        ended(end) {
          const error = opened.ended(end);
          // Whoever stops reading leaves: neither a normal end nor an error.
          const status = error?.status ?? (end.how === 'well' ? 'OK' : 'CANCELLED');
          observer.ended(context, status, clock.monotonic(), error);
          return error;
        },
      };
    } catch (thrown) {
      const error = MeshError.from(thrown);
      observer.ended(context, error.status, clock.monotonic(), error);
      throw thrown;
    }
  };
}
