import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { SpanSink } from '../telemetry/spans.ts';
import type { Arrived } from './arrive.ts';
import type { Exchange } from './exchange.ts';
import { statusOfHttp } from './http-status.ts';

/** Begins the span of a request; what it gives ends it, with what the request failed by, if it did. */
export type ObserveRequest = (request: Arrived, exchange: Exchange) => (thrown?: unknown) => void;

/**
 * A span for each request: calls that are made for it name it as their cause. Its name has no query, in which
 * people put secrets.
 */
export function observeRequests(spans: SpanSink, clock: Clock): ObserveRequest {
  return ({ trace, parentSpanId, method, url, peer }, exchange) => {
    const startMs = clock.now();
    const start = clock.monotonic();
    return (thrown) => {
      const { traceId, spanId } = trace;
      spans.record({
        ...{ traceId, spanId, kind: 'server', name: `${method} ${url.pathname}` },
        ...(parentSpanId !== undefined && { parentSpanId }),
        ...{ startMs, status: statusOf(exchange, thrown), peer, attempts: 1 },
        durationUs: Math.round((clock.monotonic() - start) * 1000),
      });
    };
  };
}

function statusOf({ signal, status }: Exchange, thrown: unknown): string {
  if (signal.aborted) return 'CANCELLED';
  if (thrown !== undefined) return thrown instanceof MeshError ? thrown.status : 'INTERNAL';
  return statusOfHttp(status);
}
