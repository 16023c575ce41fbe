import type { StreamLayer } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import type { ClientMeter } from '../../telemetry/rpc-metrics.ts';
import { isUnsampled, noSpans, type SpanSink } from '../../telemetry/spans.ts';
import { type ClientContext, clientContext } from './context.ts';

/** Tells metrics and spans of the calls of one method, as their caller sees them. */
export interface Observer {
  started(): void;
  /** Over all attempts; `nowMs` is monotonic. */
  ended(context: ClientContext, status: Status, nowMs: number): void;
}

/** For the inner part of a call of which an outer part tells already. */
export const silentObserver: Observer = { started: () => undefined, ended: () => undefined };

export interface ObserverParts {
  readonly clock: Clock;
  readonly spans: SpanSink;
  readonly meter: ClientMeter;
  /** "shop.orders.v1.OrdersService/PlaceOrder". */
  readonly name: string;
}

/** One client span a call: over all attempts, with the endpoint of the last one. */
export function createObserver({ clock, spans, meter, name }: ObserverParts): Observer {
  const traced = spans !== noSpans;
  return {
    started: meter.callStarted,
    ended({ startMs, report, trace, parent }, status, nowMs) {
      const durationMs = nowMs - startMs;
      meter.callEnded(status, durationMs, report.attempts);
      if (report.repeats !== undefined) meter.callRepeated(report.repeats);
      if (!traced) return;
      const span = {
        traceId: trace.traceId,
        spanId: trace.spanId,
        kind: 'client' as const,
        name,
        status,
        peer: report.peer,
        attempts: report.attempts,
        startMs: clock.now() - durationMs,
        durationUs: Math.round(durationMs * 1000),
      };
      const linked =
        parent.trace === undefined ? span : { ...span, parentSpanId: parent.trace.spanId };
      spans.record(isUnsampled(trace) ? { ...linked, unsampled: true } : linked);
    },
  };
}

/** The same for a stream, which ends for its observer when its reader stops. */
export function observeStream(observer: Observer, clock: Clock): StreamLayer {
  return (next) =>
    async function* (requests, context) {
      const own = clientContext(context);
      observer.started();
      // Whoever stops reading leaves by `return`: neither a normal end nor an error.
      let status: Status = 'CANCELLED';
      try {
        yield* next(requests, context);
        status = 'OK';
      } catch (thrown) {
        ({ status } = MeshError.from(thrown));
        throw thrown;
      } finally {
        observer.ended(own, status, clock.monotonic());
      }
    };
}
