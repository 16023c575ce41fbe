import { describe, expect, test } from '@jest/globals';
import { Span, SpanKind, TapRequest, type TapResponse } from '../../gen/weft/admin/v1/admin.ts';
import { createSpanRing, type SpanRecord } from '../telemetry/spans.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { tapMethods } from './tap.ts';
import { createTapJoin, type Tapped } from './tap-join.ts';

const record = (spanId: string, over: Partial<SpanRecord> = {}): SpanRecord => ({
  ...{ traceId: 't', spanId, kind: 'server', name: 'a.v1.A/Get', startMs: 0, durationUs: 5 },
  ...{ status: 'OK', peer: '', attempts: 1, ...over },
});

function tapOf(request: Partial<TapRequest>) {
  const spans = createSpanRing();
  const clock = createFakeClock();
  const leave = new AbortController();
  const draining = new AbortController();
  const { tap } = tapMethods({ service: 'a', instanceId: 'a-1', spans, clock });
  const context = { signal: leave.signal, draining: draining.signal };
  const full = TapRequest.create({ service: 'a', ...request });
  // A tap looks at no more of its context than how it ends.
  const told = tap(full, context as Parameters<typeof tap>[1])[Symbol.asyncIterator]();
  const next = async (): Promise<TapResponse> => (await told.next()).value as TapResponse;
  return { spans, clock, leave, draining, told, next };
}

describe('a tap', () => {
  test('says first that it is in place, then what ends, and forgets nothing while it is read', async () => {
    const { spans, clock, next } = tapOf({});
    spans.record(record('before'));
    expect(await next()).toEqual({ spans: [], dropped: 0n });
    spans.record(record('1'));
    spans.record(record('2', { name: 'grpc.health.v1.Health/Check' }));
    spans.record(record('3', { kind: 'producer' }));
    spans.record(record('4', { kind: 'client', target: 'b' }));
    const response = await next();
    expect(response.spans.map(({ spanId }) => spanId)).toEqual(['1', '4']);
    const later = next();
    spans.record(record('5'));
    clock.advance(25);
    expect((await later).spans).toMatchObject([{ spanId: '5' }]);
  });

  test('of another service tells of the calls to it, and of nothing else', async () => {
    const { spans, next } = tapOf({ service: 'b', failed: true, method: 'Put' });
    await next();
    const failed = { kind: 'client', target: 'b', name: 'b.v1.B/Put', status: 'ABORTED' } as const;
    spans.record(record('1', { ...failed, target: 'c' }));
    spans.record(record('2', { ...failed, status: 'OK' }));
    spans.record(record('3', { ...failed, name: 'b.v1.B/Output' }));
    spans.record(record('4', { ...failed, failure: { reason: 'R', message: 'for Ada' } }));
    const response = await next();
    expect(response.spans).toMatchObject([{ spanId: '4', reason: 'R', message: '' }]);
  });

  test('holds so many for a reader that is slow, and says how many it dropped', async () => {
    const { spans, clock, next } = tapOf({});
    await next();
    for (let i = 0; i < 3000; i++) spans.record(record(String(i)));
    let seen = 0;
    let dropped = 0n;
    for (let i = 0; i < 8; i++) {
      const later = next();
      clock.advance(25);
      const response = await later;
      seen += response.spans.length;
      dropped += response.dropped;
    }
    expect({ seen, dropped }).toEqual({ seen: 2048, dropped: 952n });
  });

  test('ends well when the process drains, and leaves nothing behind when its reader goes', async () => {
    const drained = tapOf({});
    await drained.told.next();
    const last = drained.told.next();
    drained.draining.abort();
    expect((await last).done).toBe(true);

    const left = tapOf({});
    await left.told.next();
    const waiting = left.told.next();
    left.leave.abort();
    expect((await waiting).done).toBe(true);
  });
});

describe('the two sides of a call', () => {
  const span = (kind: SpanKind, spanId: string, parentSpanId = ''): Span =>
    Span.create({ kind, spanId, parentSpanId, durationUs: 7n });
  const joined = () => {
    const told: Tapped[] = [];
    const clock = createFakeClock();
    return { told, clock, join: createTapJoin(clock, (each) => told.push(each)) };
  };

  test('are told once, whichever speaks first', () => {
    const { told, clock, join } = joined();
    join.add(span(SpanKind.SERVER, 's', 'c'));
    join.add(span(SpanKind.CLIENT, 'c'));
    join.add(span(SpanKind.SERVER, 's2', 'c'));
    clock.advance(1000);
    expect(told).toMatchObject([{ span: { spanId: 'c' }, handledUs: 7 }]);
  });

  test('are told by the handler alone when no caller speaks, after a moment or at the end', () => {
    const { told, clock, join } = joined();
    join.add(span(SpanKind.SERVER, 's', 'c'));
    expect(told).toEqual([]);
    clock.advance(300);
    expect(told).toMatchObject([{ span: { spanId: 's' }, handledUs: undefined }]);
    join.add(span(SpanKind.SERVER, 's2', 'd'));
    join.flush();
    expect(told).toHaveLength(2);
  });
});
