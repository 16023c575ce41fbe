import { describe, expect, test } from '@jest/globals';
import { createSpanRing, type SpanRecord } from './spans.ts';

const span = (traceId: string, spanId: string): SpanRecord => ({
  traceId,
  spanId,
  kind: 'client',
  name: 'a/b',
  startMs: 0,
  durationUs: 1,
  status: 'OK',
  peer: '127.0.0.1:1',
  attempts: 1,
});

describe('the ring of spans', () => {
  test('gives the spans of one trace in the order in which they ended', () => {
    const ring = createSpanRing();
    ring.record(span('a', '1'));
    ring.record(span('b', '2'));
    ring.record(span('a', '3'));
    expect(ring.ofTrace('a').map((s) => s.spanId)).toEqual(['1', '3']);
  });

  test('names the traces that ended last, without what is not wanted', () => {
    const ring = createSpanRing();
    ring.record({ ...span('a', '1'), startMs: 20, durationUs: 1_000 });
    ring.record(span('own', '2'));
    ring.record({ ...span('b', '3'), startMs: 30, status: 'INTERNAL' });
    ring.record({ ...span('a', '4'), startMs: 10, durationUs: 90_000 });
    ring.record(span('c', '5'));
    const last = ring.lastTraces(2, ({ traceId }) => traceId !== 'own');
    expect(last.map(({ first, spans }) => [first.spanId, spans])).toEqual([
      ['5', 1],
      ['4', 2],
    ]);
    expect(last[1]).toMatchObject({ failed: 0, endMs: 100 });
    expect(ring.lastTraces(9, () => true)).toHaveLength(4);
  });

  test('forgets the oldest when it is full, and keeps the order across the seam', () => {
    const ring = createSpanRing(3);
    for (const id of ['1', '2', '3', '4', '5']) ring.record(span('a', id));
    expect(ring.ofTrace('a').map((s) => s.spanId)).toEqual(['3', '4', '5']);
  });
});
