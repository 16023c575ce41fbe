import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { HttpMeter } from '../telemetry/http-metrics.ts';
import { type SpanSink, samplingOf } from '../telemetry/spans.ts';
import type { Arrived } from './arrive.ts';
import type { Exchange } from './exchange.ts';
import { statusOfHttp } from './http-status.ts';

/** Begins to watch a request; what it gives ends that, with what the request failed by, if it did. */
export type ObserveRequest = (request: Arrived, exchange: Exchange) => (thrown?: unknown) => void;

export interface ObserveParts {
  /** Undefined: nobody keeps them. */
  readonly spans: SpanSink | undefined;
  /** Undefined: nobody counts. */
  readonly meter: HttpMeter | undefined;
  readonly clock: Clock;
}

/** As nginx has it, and who followed: the client was gone before it could be told a code. */
const clientGone = 499;

/**
 * A span and a measurement for each request: calls that are made for it name its span as their cause. It is called by
 * its route; one that has none by its path, without the query, in which people put secrets.
 */
export function observeRequests({ spans, meter, clock }: ObserveParts): ObserveRequest {
  return ({ trace, parentSpanId, method, url, peer }, exchange) => {
    const startMs = clock.now();
    const start = clock.monotonic();
    const ended = meter?.began(method);
    return (thrown) => {
      const { traceId, spanId } = trace;
      const { route } = exchange;
      const durationMs = clock.monotonic() - start;
      ended?.(route, exchange.signal.aborted ? clientGone : exchange.status, durationMs);
      spans?.record({
        ...{ traceId, spanId, kind: 'server', name: `${method} ${route || url.pathname}` },
        ...(parentSpanId !== undefined && { parentSpanId }),
        ...{ startMs, status: statusOf(exchange, thrown), peer, attempts: 1 },
        durationUs: Math.round(durationMs * 1000),
        ...samplingOf(trace),
      });
    };
  };
}

function statusOf({ signal, status }: Exchange, thrown: unknown): string {
  if (signal.aborted) return 'CANCELLED';
  if (thrown !== undefined) return thrown instanceof MeshError ? thrown.status : 'INTERNAL';
  return statusOfHttp(status);
}
