import { describe, expect, test } from '@jest/globals';
import { Span, SpanKind } from '../../gen/weft/admin/v1/admin.ts';
import { renderTrace, traceTree } from './trace-tree.ts';

let second = 0n;
const span = (spanId: string, parentSpanId: string, over: Partial<Span>): Span => ({
  ...Span.create({ traceId: 't', spanId, parentSpanId, status: 'OK', attempts: 1 }),
  durationUs: 1500n,
  startTime: { seconds: second++, nanos: 0 },
  ...over,
});

const order = [
  span('1', '', {
    kind: SpanKind.CLIENT,
    name: 'shop.v1.Orders/Place',
    service: 'demo',
    peer: 'h:1',
  }),
  span('2', '1', { kind: SpanKind.SERVER, name: 'shop.v1.Orders/Place', instanceId: 'orders-1' }),
  span('3', '2', {
    kind: SpanKind.CLIENT,
    name: 'shop.v1.Inventory/Reserve',
    service: 'orders',
    peer: 'h:2',
    attempts: 2,
  }),
  span('4', '2', { kind: SpanKind.PRODUCER, name: 'shop.v1.Placed', instanceId: 'orders-1' }),
  span('5', '4', {
    kind: SpanKind.CONSUMER,
    name: 'shop.v1.Placed',
    instanceId: 'mail-1',
    status: 'DEAD_LETTERED',
    attempts: 5,
  }),
  span('6', '2', { kind: SpanKind.STEP, name: 'place/charge', peer: 'o1', instanceId: 'orders-1' }),
];

describe('the tree of a trace', () => {
  test('draws a call with what its handler caused, down to the consumers of its events', () => {
    expect(renderTrace(traceTree(order))).toBe(
      [
        'call  Orders/Place  demo → orders-1 at h:1  1.5 ms',
        '├─ call  Inventory/Reserve  orders → ? at h:2  1.5 ms  2 attempts',
        '├─ event  Placed  from orders-1  1.5 ms',
        '│  └─ consumed  Placed  by mail-1  1.5 ms  5 deliveries  DEAD_LETTERED',
        '└─ step  place/charge  of o1 by orders-1  1.5 ms',
      ].join('\n'),
    );
  });

  test('does not depend on the order in which processes answer, nor on repeats', () => {
    expect(traceTree([...order].reverse().concat(order))).toEqual(traceTree(order));
  });

  test('shows a span whose cause is lost as a root', () => {
    const roots = traceTree(order.slice(1));
    expect(roots.map((root) => root.span.spanId)).toEqual(['2']);
  });
});
