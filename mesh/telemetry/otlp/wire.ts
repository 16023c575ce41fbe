import type { Status } from '../../kernel/status.ts';
import type { SpanKind, SpanRecord } from '../spans.ts';

/**
 * Spans as OTLP has them in JSON (opentelemetry-proto 1.x, "JSON Protobuf Encoding": ids in hexadecimal, 64-bit
 * numbers as text), with the attributes of OpenTelemetry's conventions for RPC, messaging and HTTP.
 */

/** What sends the spans, as { 'service.name': 'orders' }. */
export type Resource = Readonly<Record<string, string>>;

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
}

/** The names of an enum in JSON are its numbers: opentelemetry/proto/trace/v1/trace.proto. */
const kinds: Readonly<Record<SpanKind, number>> = {
  step: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};
const errorCode = 2;
const remoteParent = 0x100 | 0x200;
const localParent = 0x100;
const sampled = 1;

/** Statuses for which a server is to blame, by the conventions for gRPC; a client's span fails by any but OK. */
const serverErrors: ReadonlySet<string> = new Set<Status>([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** The body of an ExportTraceServiceRequest. */
export function traceRequest(spans: readonly SpanRecord[], resource: Resource): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: Object.entries(resource).map(([key, value]) => text(key, value)) },
        scopeSpans: [{ scope: { name: 'weft' }, spans: spans.map(toOtlp) }],
      },
    ],
  });
}

function toOtlp(span: SpanRecord): object {
  const { traceId, spanId, parentSpanId, name, kind, startMs, durationUs, status } = span;
  const startNs = BigInt(Math.round(startMs * 1000)) * 1000n;
  const isRemote = kind === 'server' || kind === 'consumer';
  return {
    ...{ traceId, spanId, name, kind: kinds[kind] },
    ...(parentSpanId !== undefined && { parentSpanId }),
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + BigInt(durationUs) * 1000n),
    attributes: attributesOf(span),
    ...(isError(span) && { status: { code: errorCode, message: status } }),
    flags: sampled | (isRemote ? remoteParent : localParent),
  };
}

function isError({ kind, status }: SpanRecord): boolean {
  return kind === 'server' ? serverErrors.has(status) : status !== 'OK';
}

function attributesOf(span: SpanRecord): Attribute[] {
  const { attempts, status } = span;
  return [
    ...ofKind(span),
    ...(attempts > 1 ? [int('weft.attempts', attempts)] : []),
    ...(status === 'OK' ? [] : [text('error.type', status)]),
  ];
}

function ofKind({ kind, name, peer, status }: SpanRecord): Attribute[] {
  const [head = '', tail = ''] = name.split(/[ /](.*)/s, 2);
  if (kind === 'producer' || kind === 'consumer') return messaging(kind, name, peer);
  if (kind === 'step') {
    return [text('weft.saga', head), text('weft.step', tail), text('weft.saga.id', peer)];
  }
  const address = peer === '' ? [] : [text('network.peer.address', peer)];
  if (name.includes(' ')) {
    return [text('http.request.method', head), text('http.route', tail), ...address];
  }
  return [
    ...[text('rpc.system.name', 'grpc'), text('rpc.method', name)],
    ...[text('rpc.response.status_code', status), ...address],
  ];
}

function messaging(kind: 'producer' | 'consumer', type: string, peer: string): Attribute[] {
  const isSent = kind === 'producer';
  return [
    text('messaging.system', 'nats'),
    text('messaging.operation.type', isSent ? 'send' : 'process'),
    text(isSent ? 'messaging.destination.name' : 'messaging.consumer.group.name', peer),
    text('weft.event.type', type),
  ];
}

function text(key: string, value: string): Attribute {
  return { key, value: { stringValue: value } };
}

function int(key: string, value: number): Attribute {
  return { key, value: { intValue: String(value) } };
}
