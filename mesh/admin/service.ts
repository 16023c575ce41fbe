import {
  type AdminServiceDefinition,
  type GetPolicyRequest,
  type GetPolicyResponse,
  type GetStatsResponse,
  type ListSpansRequest,
  type ListSpansResponse,
  type ListTracesRequest,
  type ListTracesResponse,
} from '../../gen/weft/admin/v1/admin.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import { toTimestamp } from '../schema/timestamp.ts';
import type { SpanRing } from '../telemetry/spans.ts';
import { type DeadLetterSources, deadLetterMethods } from './dead-letters.ts';
import { isOwn } from './own-services.ts';
import type { PolicyView } from './ports.ts';
import { type SagaSources, sagaMethods } from './sagas.ts';
import { toSpan } from './span.ts';
import { type StatsSources, statsOf } from './stats.ts';
import { type StoppedKeySources, stoppedKeyMethods } from './stopped-keys.ts';
import { tapMethods } from './tap.ts';

export interface AdminOptions
  extends StatsSources,
    DeadLetterSources,
    StoppedKeySources,
    SagaSources {
  /** The name of the service that this process is an instance of. */
  readonly service: string;
  readonly instanceId: string;
  readonly spans: SpanRing;
  /** Default: this process calls nobody. */
  readonly policy?: PolicyView | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

const defaultTraces = 20;

/** What a process tells of itself: weft.admin.v1. */
export function createAdminService(options: AdminOptions): Implementation<AdminServiceDefinition> {
  const { service, instanceId, spans, clock = systemClock } = options;
  return {
    getStats(): Promise<GetStatsResponse> {
      return Promise.resolve({ service, instanceId, ...statsOf(options) });
    },
    getPolicy(request: GetPolicyRequest): Promise<GetPolicyResponse> {
      return Promise.resolve({ service, instanceId, ...policyOf(request, options.policy) });
    },
    listSpans(request: ListSpansRequest): Promise<ListSpansResponse> {
      const known = spans.ofTrace(request.traceId);
      return Promise.resolve({ spans: known.map((span) => toSpan(span, options)) });
    },
    ...tapMethods({ service, instanceId, spans, clock }),
    listTraces({ limit }: ListTracesRequest): Promise<ListTracesResponse> {
      const traces = options.spans.lastTraces(limit || defaultTraces, ({ name }) => !isOwn(name));
      return Promise.resolve({
        traces: traces.map(({ first, spans, failed, endMs }) => ({
          ...{ traceId: first.traceId, first: toSpan(first, options), spans, failed },
          endTime: toTimestamp(endMs),
        })),
      });
    },
    ...deadLetterMethods(options),
    ...stoppedKeyMethods(options),
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
