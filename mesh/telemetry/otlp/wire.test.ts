import { expect, test } from '@jest/globals';
import type { SpanRecord } from '../spans.ts';
import { traceRequest } from './wire.ts';

const base: SpanRecord = {
  ...{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' },
  ...{ kind: 'client', name: 'shop.orders.v1.OrdersService/PlaceOrder', status: 'OK' },
  ...{ startMs: 1_750_000_000_000.25, durationUs: 1500, peer: '127.0.0.1:7101', attempts: 1 },
};

interface Sent {
  readonly [field: string]: unknown;
  readonly attributes: { key: string; value: Record<string, string> }[];
}

function sentOf(span: Partial<SpanRecord> = {}) {
  const body = JSON.parse(traceRequest([{ ...base, ...span }], { 'service.name': 'gateway' })) as {
    resourceSpans: [{ resource: object; scopeSpans: [{ scope: object; spans: [Sent] }] }];
  };
  const [{ resource, scopeSpans }] = body.resourceSpans;
  const [{ scope, spans }] = scopeSpans;
  const [sent] = spans;
  const attributes = Object.fromEntries(
    sent.attributes.map(({ key, value }) => [key, Object.values(value)[0]]),
  );
  return { resource, scope, sent, attributes };
}

test('a call is a span of its resource, with times in nanoseconds and the names of the conventions for RPC', () => {
  const { resource, scope, sent, attributes } = sentOf({ parentSpanId: '00f067aa0ba902b7' });
  expect(resource).toEqual({
    attributes: [{ key: 'service.name', value: { stringValue: 'gateway' } }],
  });
  expect(scope).toEqual({ name: 'weft' });
  expect(sent).toMatchObject({
    ...{ traceId: base.traceId, spanId: base.spanId, parentSpanId: '00f067aa0ba902b7' },
    ...{ name: base.name, kind: 3 },
    ...{ startTimeUnixNano: '1750000000000250000', endTimeUnixNano: '1750000000001750000' },
  });
  expect(attributes).toEqual({
    'rpc.system.name': 'grpc',
    'rpc.method': 'shop.orders.v1.OrdersService/PlaceOrder',
    'rpc.response.status_code': 'OK',
    'network.peer.address': '127.0.0.1:7101',
  });
});

test.each([
  ['client', 'NOT_FOUND', true],
  ['server', 'NOT_FOUND', false],
  ['server', 'UNAVAILABLE', true],
  ['consumer', 'DEAD_LETTERED', true],
  ['server', 'OK', false],
] as const)('the span of a %s that ended with %s is an error: %s', (kind, status, failed) => {
  const { sent, attributes } = sentOf({ kind, status });
  expect(sent['status']).toEqual(failed ? { code: 2, message: status } : undefined);
  expect(attributes['error.type']).toBe(status === 'OK' ? undefined : status);
});

test('events, steps of sagas and requests over HTTP have the names of their own conventions', () => {
  const event = { name: 'shop.orders.v1.OrderConfirmed', peer: 'shop-orders' };
  expect(sentOf({ kind: 'producer', ...event }).attributes).toEqual({
    'messaging.system': 'nats',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'shop-orders',
    'weft.event.type': event.name,
  });
  const handled = sentOf({ kind: 'consumer', name: event.name, peer: 'warehouse', attempts: 3 });
  expect(handled.attributes).toMatchObject({
    'messaging.operation.type': 'process',
    'messaging.consumer.group.name': 'warehouse',
    'weft.attempts': '3',
  });
  const step = sentOf({ kind: 'step', name: 'place-order/charge/undo', peer: 'o1' });
  expect(step.sent).toMatchObject({ kind: 1 });
  expect(step.attributes).toEqual({
    'weft.saga': 'place-order',
    'weft.step': 'charge/undo',
    'weft.saga.id': 'o1',
  });
  const http = sentOf({ kind: 'server', name: 'GET /v1/orders/{order_id}', peer: '' });
  expect(http.attributes).toEqual({
    'http.request.method': 'GET',
    'http.route': '/v1/orders/{order_id}',
  });
});
