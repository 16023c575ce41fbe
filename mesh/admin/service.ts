import {
  type AdminServiceDefinition,
  type ListSpansRequest,
  type ListSpansResponse,
  type Span,
  SpanKind,
} from '../../gen/weft/admin/v1/admin.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import type { SpanRecord, SpanRing } from '../telemetry/spans.ts';

export interface AdminOptions {
  /** The name of the service that this process is an instance of. */
  readonly service: string;
  readonly instanceId: string;
  readonly spans: SpanRing;
}

/** What a process tells of itself: weft.admin.v1. */
export function createAdminService(options: AdminOptions): Implementation<AdminServiceDefinition> {
  return {
    listSpans(request: ListSpansRequest): Promise<ListSpansResponse> {
      const spans = options.spans.ofTrace(request.traceId);
      return Promise.resolve({ spans: spans.map((span) => toSpan(span, options)) });
    },
  };
}

const kinds = {
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** A recorded span as others read it: with the process that recorded it. */
export function toSpan(
  span: SpanRecord,
  { service, instanceId }: Pick<AdminOptions, 'service' | 'instanceId'>,
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
  };
}
