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

  test('forgets the oldest when it is full, and keeps the order across the seam', () => {
    const ring = createSpanRing(3);
    for (const id of ['1', '2', '3', '4', '5']) ring.record(span('a', id));
    expect(ring.ofTrace('a').map((s) => s.spanId)).toEqual(['3', '4', '5']);
  });
});
