import { afterEach, expect, test } from '@jest/globals';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { type CollectorRequest, startCollector } from '../../testing/collector.ts';
import { eventually } from '../../testing/eventually.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createRegistry } from '../registry.ts';
import type { SpanRecord } from '../spans.ts';
import { createSpanExporter } from './exporter.ts';

const opened: Closeable[] = [];
afterEach(() => closeAll(opened.splice(0)));

/** A collector, and an exporter that sends to it. */
async function setUp(answers?: Parameters<typeof startCollector>[0]) {
  const collector = await startCollector(answers);
  opened.push(collector);
  const { requests } = collector;
  const clock = createFakeClock();
  const registry = createRegistry();
  const said: string[] = [];
  const say = (line: string): void => {
    said.push(line);
  };
  const log: Log = { debug: say, info: say, warn: say, error: say, child: () => log };
  const exporter = createSpanExporter({
    ...{ url: `${collector.url}/v1/traces`, headers: { 'x-key': 'k' } },
    ...{ resource: { 'service.name': 'orders' }, clock, random: systemRandom, log, registry },
  });
  return { requests, clock, registry, said, exporter };
}

function span(nth: number, more: Partial<SpanRecord> = {}): SpanRecord {
  return {
    ...{ traceId: '0af7651916cd43dd8448eb211c80319c', kind: 'server', status: 'OK', peer: '' },
    ...{ spanId: nth.toString(16).padStart(16, '0'), name: 'a.B/C', attempts: 1 },
    ...{ startMs: 1_750_000_000_000, durationUs: 1500, ...more },
  };
}

const idsOf = ({ spans }: CollectorRequest): string[] => spans.map(({ spanId }) => spanId);

test('spans are sent together five seconds after the first, with the headers that the collector wants', async () => {
  const { requests, clock, exporter } = await setUp();
  exporter.record(span(1));
  exporter.record(span(2));
  clock.advance(4_999);
  expect(requests).toEqual([]);
  clock.advance(1);
  await eventually(() => {
    expect(requests).toHaveLength(1);
  });
  expect(requests[0]).toMatchObject({
    path: '/v1/traces',
    headers: { 'x-key': 'k', 'content-type': 'application/json' },
  });
  expect(requests.map(idsOf)).toEqual([['0000000000000001', '0000000000000002']]);
  await exporter.close();
});

test('a full batch does not wait, and what is left is sent when the process ends', async () => {
  const { requests, registry, exporter } = await setUp();
  for (let nth = 0; nth < 520; nth++) exporter.record(span(nth));
  await exporter.close();
  expect(requests.flatMap(idsOf)).toHaveLength(520);
  expect(registry.expose()).toContain('otel_sdk_exporter_span_exported_total{error_type=""} 520');
});

test('a span of a trace that is not sampled is sent nowhere', async () => {
  const { requests, exporter } = await setUp();
  exporter.record(span(1, { unsampled: true }));
  exporter.record(span(2));
  await exporter.close();
  expect(requests.flatMap(idsOf)).toEqual(['0000000000000002']);
});

test('a collector that is away is tried again after the time that it asked for, and nothing is sent twice', async () => {
  const { requests, clock, said, exporter } = await setUp((nth) =>
    nth === 0 ? { code: 503, headers: { 'retry-after': '7' } } : { code: 200 },
  );
  exporter.record(span(1));
  clock.advance(5_000);
  await eventually(() => {
    expect(clock.nextMs).toBe(7_000);
  });
  clock.advance(7_000);
  await eventually(() => {
    expect(said).toContain('the collector takes spans again');
  });
  expect(requests.map(idsOf)).toEqual([['0000000000000001'], ['0000000000000001']]);
  expect(said.filter((line) => line.includes('takes no spans'))).toHaveLength(1);
  await exporter.close();
});

test('beyond 2048 spans that wait, new ones are dropped and counted', async () => {
  const { registry, clock, exporter } = await setUp(() => ({ code: 503 }));
  for (let nth = 0; nth < 512; nth++) exporter.record(span(nth));
  for (let nth = 0; nth < 2_050; nth++) exporter.record(span(nth));
  const text = registry.expose();
  expect(text).toContain('otel_sdk_processor_span_processed_total{error_type="queue_full"} 2');
  expect(text).toContain('otel_sdk_processor_span_processed_total{error_type=""} 2560');
  const closed = exporter.close();
  clock.advance(2_000);
  await closed;
});

test('what a collector refuses is not sent again, and what it rejects in part is counted', async () => {
  const { requests, registry, said, exporter } = await setUp((nth) =>
    nth === 0
      ? { code: 401, body: 'who are you?' }
      : { code: 200, body: '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}' },
  );
  for (let nth = 0; nth < 512; nth++) exporter.record(span(nth));
  await eventually(() => {
    expect(requests).toHaveLength(1);
  });
  exporter.record(span(600));
  exporter.record(span(601));
  await exporter.close();
  const text = registry.expose();
  expect(text).toContain('otel_sdk_exporter_span_exported_total{error_type="401"} 512');
  expect(text).toContain('otel_sdk_exporter_span_exported_total{error_type="rejected"} 1');
  expect(text).toContain('otel_sdk_exporter_span_exported_total{error_type=""} 1');
  expect(said).toEqual([expect.stringMatching(/refused spans.*OTEL_EXPORTER_OTLP_ENDPOINT/)]);
});

test('a process ends within two seconds though nobody takes its spans', async () => {
  const { clock, registry, said, exporter } = await setUp(() => ({ code: 503 }));
  exporter.record(span(1));
  const closed = exporter.close();
  await eventually(() => {
    expect(said).toHaveLength(1);
  });
  clock.advance(2_000);
  await closed;
  expect(registry.expose()).toContain('otel_sdk_exporter_span_exported_total{error_type="503"} 1');
  expect(clock.pending).toBe(0);
});
