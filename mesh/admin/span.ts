import { type Span, SpanKind } from '../../gen/weft/admin/v1/admin.ts';
import type { SpanRecord } from '../telemetry/spans.ts';

const kinds = {
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  step: SpanKind.STEP,
} as const;

/** A recorded span as others read it: with the process that recorded it. */
export function toSpan(
  span: SpanRecord,
  { service, instanceId }: { readonly service: string; readonly instanceId: string },
): Span {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? '',
    kind: kinds[span.kind],
    name: span.name,
    service,
    instanceId,
    startTime: {
      seconds: BigInt(Math.floor(span.startMs / 1000)),
      nanos: Math.floor((span.startMs % 1000) * 1e6),
    },
    durationUs: BigInt(Math.round(span.durationUs)),
    status: span.status,
    peer: span.peer,
    attempts: span.attempts,
    transport: span.transport ?? '',
    target: span.target ?? '',
    endpoint: span.endpoint ?? '',
    reason: span.failure?.reason ?? '',
    message: span.failure?.message ?? '',
    failedAttempts: (span.failedAttempts ?? []).map(({ durationUs, ...rest }) => ({
      ...rest,
      durationUs: BigInt(durationUs),
    })),
    waitedUs: BigInt(span.waitedUs ?? 0),
  };
}
