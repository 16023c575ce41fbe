import {
  type AdminServiceDefinition,
  type GetPolicyRequest,
  type GetPolicyResponse,
  type GetStatsResponse,
  type ListSpansRequest,
  type ListSpansResponse,
  type Span,
  SpanKind,
} from '../../gen/weft/admin/v1/admin.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import type { SpanRecord, SpanRing } from '../telemetry/spans.ts';
import { type DeadLetterSources, deadLetterMethods } from './dead-letters.ts';
import type { PolicyView } from './ports.ts';
import { type SagaSources, sagaMethods } from './sagas.ts';
import { type StatsSources, statsOf } from './stats.ts';

export interface AdminOptions extends StatsSources, DeadLetterSources, SagaSources {
  /** The name of the service that this process is an instance of. */
  readonly service: string;
  readonly instanceId: string;
  readonly spans: SpanRing;
  /** Default: this process calls nobody. */
  readonly policy?: PolicyView | undefined;
}

/** What a process tells of itself: weft.admin.v1. */
export function createAdminService(options: AdminOptions): Implementation<AdminServiceDefinition> {
  const { service, instanceId } = options;
  return {
    getStats(): Promise<GetStatsResponse> {
      return Promise.resolve({ service, instanceId, ...statsOf(options) });
    },
    getPolicy(request: GetPolicyRequest): Promise<GetPolicyResponse> {
      return Promise.resolve({ service, instanceId, ...policyOf(request, options.policy) });
    },
    listSpans(request: ListSpansRequest): Promise<ListSpansResponse> {
      const spans = options.spans.ofTrace(request.traceId);
      return Promise.resolve({ spans: spans.map((span) => toSpan(span, options)) });
    },
    ...deadLetterMethods(options),
    ...sagaMethods(options),
  };
}

/** Values of the target are given with those of a method: they decide its calls too. */
function policyOf(
  { target, method }: GetPolicyRequest,
  view: PolicyView | undefined,
): Pick<GetPolicyResponse, 'values' | 'faults'> {
  const asked = (view?.policies() ?? []).filter((each) => target === '' || each.target === target);
  return {
    values: asked.flatMap(({ target: of, rows }) =>
      rows
        .filter((row) => method === '' || row.method === '' || row.method === method)
        .map((row) => ({ target: of, ...row })),
    ),
    faults: asked.flatMap(({ target: of, faults = [] }) =>
      faults.map((message) => ({ target: of, message })),
    ),
  };
}

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
