import { expect, test } from '@jest/globals';
import { Figures, GetStatsResponse, Span, SpanKind } from '../../gen/weft/admin/v1/admin.ts';
import { DeadLetter } from '../../gen/weft/admin/v1/dead_letters.ts';
import { ConsumerStats, EventStats } from '../../gen/weft/admin/v1/event_stats.ts';
import { Saga, SagaStatus } from '../../gen/weft/admin/v1/sagas.ts';
import { latencyBoundsMs } from '../telemetry/histogram.ts';
import type { Look } from './look.ts';
import { regionsOf } from './regions.ts';

const fresh = <T>(value: T) => ({ value, asOfMs: 1_000, trouble: undefined });

const quiet: Look = {
  atMs: 10_000,
  services: fresh(['orders', 'stock']),
  instances: fresh([
    { id: 'orders-1', service: 'orders', address: 'h:1', health: 'passing', version: '1.4' },
    { id: 'stock-1', service: 'stock', address: 'h:2', health: 'passing', version: '' },
  ]),
  channels: undefined,
  processes: undefined,
  stats: [answer('orders', {}), answer('stock', {})],
  silent: [],
  traces: [],
  newest: [],
  letters: [],
  moreLetters: false,
  sagas: [],
};

function answer(service: string, over: Partial<GetStatsResponse>): GetStatsResponse {
  const common = { service, instanceId: `${service}-1`, windowSeconds: 60 };
  return GetStatsResponse.create({ ...common, latencyBoundsMs: [...latencyBoundsMs], ...over });
}

function calling(ended: number, failed: number, breaker = 'closed'): GetStatsResponse {
  const calls = Figures.create({ ended, failed, perSecond: ended / 60, latencyBuckets: [ended] });
  const lane = { transport: 'lane', figures: calls };
  const method = { target: 'stock', method: 'stock.v1.Stock/Take', streaming: false };
  return answer('orders', {
    clients: [{ ...method, calls, attempts: [lane], inFlight: 0, retried: 0, refused: 0 }],
    targets: [
      { target: 'stock', breaker, inFlight: 0, retryBudget: 1, stale: false, endpoints: [] },
    ],
  });
}

test('a call is an arrow with its rate, success and percentiles, and says that it went by lane', () => {
  const { topology, calls } = regionsOf({
    ...quiet,
    stats: [calling(600, 0), answer('stock', {})],
  });
  expect(topology).toMatch(
    /class="arrow calls well"><title>orders → stock: 10\/s · 100\.00%, .*p99.*lane/,
  );
  expect(calls).toMatch(/orders → stock[^]*100\.00%[^]*closed/);
});

test('failing calls and an open breaker are marked in words, not by colour alone', () => {
  const stats = [calling(100, 20, 'open'), answer('stock', {})];
  const { topology, calls } = regionsOf({ ...quiet, stats });
  expect(topology).toContain('breaker open at 1 of 1');
  expect(topology).toMatch(/class="arrow calls failing">.*\(failing\)/);
  expect(topology).toContain('marker-end="url(#head-failing)"');
  expect(calls).toMatch(/<tr class="failing">[^]*80\.00%[^]*open at 1 of 1/);
});

test('a service without an instance that answers is failing, and the first line names it', () => {
  const gone = { ...quiet.instances, value: quiet.instances.value.slice(0, 1) };
  const { standing, services } = regionsOf({ ...quiet, instances: gone, stats: [calling(1, 0)] });
  expect(standing).toMatch(/failing<\/span> stock/);
  expect(services).toMatch(/stock[^]*no instance/);
});

test('what a supervisor knows is shown: stopped processes, and restarts with their cause', () => {
  const process = { instanceId: 'orders-1', service: 'orders', state: 'ready', startedAtMs: 4_000 };
  const processes = [
    { ...process, restarts: 2, lastExit: 'SIGKILL' },
    { instanceId: 'stock-1', service: 'stock', state: 'stopped', restarts: 0 },
  ];
  const { services } = regionsOf({ ...quiet, processes, stats: [calling(1, 0)] });
  expect(services).toMatch(
    /orders-1<\/b> h:1 · version 1\.4 · passing · up 6 s · restarted 2× \(SIGKILL\)/,
  );
  expect(services).toMatch(/stock-1<\/b>[^<]*stopped/);
});

test('events flow from publisher to channel to consumer, with what waits there', () => {
  const consumer = ConsumerStats.create({ consumer: 'stock', state: 'consuming', perSecond: 3 });
  const look: Look = {
    ...quiet,
    stats: [
      answer('orders', {
        events: EventStats.create({
          published: [{ channel: 'placed', messages: 180, perSecond: 3 }],
          relay: 'relaying',
        }),
      }),
      answer('stock', { events: EventStats.create({ consumers: [consumer], relay: 'standby' }) }),
    ],
    channels: fresh([
      {
        channel: 'placed',
        messages: 7,
        consumers: [
          { consumer: 'stock', pending: 4, unacked: 1 },
          { consumer: 'orders-mail', pending: 9, unacked: 0 },
        ],
      },
    ]),
  };
  const { topology, events } = regionsOf(look);
  expect(topology).toContain('<title>orders → placed: 3.0/s (well)');
  expect(topology).toContain('<title>placed → stock: 3.0/s, 5 waiting (well)');
  expect(topology).toContain('<title>placed → orders: nobody listens, 9 waiting (failing)');
  expect(events).toMatch(/stock<\/th><td class="">placed<\/td>/);
});

test('what is old says since when and why', () => {
  const services = { ...quiet.services, asOfMs: 3_000, trouble: 'connection refused' };
  const { standing } = regionsOf({ ...quiet, services, silent: ['stock-2'] });
  expect(standing).toMatch(/Consul does not answer: .* 7 s old \(connection refused\)/);
  expect(standing).toContain('No answer from stock-2');
});

test('an empty mesh says what to do', () => {
  const none = { services: fresh([]), instances: fresh([]), stats: [] };
  const { topology, traces } = regionsOf({ ...quiet, ...none });
  expect(topology).toContain('No service is known yet');
  expect(traces).toContain('make demo');
});

test('no name, payload or error becomes part of the page', () => {
  const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>\u202e`;
  const span = Span.create({
    ...{ traceId: evil, spanId: '1', name: evil, service: evil, instanceId: evil, peer: evil },
    ...{ status: evil, kind: SpanKind.CLIENT, startTime: { seconds: 1n, nanos: 0 } },
  });
  const stats = answer(evil, {
    ...calling(1, 0, evil),
    ...{ service: evil, instanceId: evil },
    events: EventStats.create({
      published: [{ channel: evil, messages: 1, perSecond: 1 }],
      consumers: [ConsumerStats.create({ consumer: evil, state: evil })],
      relay: evil,
    }),
  });
  const look: Look = {
    atMs: 0,
    services: { value: [evil], asOfMs: 0, trouble: evil },
    instances: fresh([
      { id: evil, service: evil, address: evil, version: evil, health: 'passing' },
    ]),
    channels: fresh([
      { channel: evil, messages: 1, consumers: [{ consumer: evil, pending: 1, unacked: 0 }] },
    ]),
    processes: [{ instanceId: evil, service: evil, state: evil, restarts: 1, lastExit: evil }],
    stats: [stats],
    silent: [evil],
    traces: [
      {
        ...{ traceId: evil, first: span, spans: 1, failed: 0, startMs: 0, endMs: 1 },
        services: [evil],
      },
    ],
    newest: [span],
    letters: [
      {
        service: evil,
        letter: DeadLetter.create({
          ...{ id: evil, consumer: evil, type: evil, key: evil },
          lastFailures: [
            { time: undefined, status: evil, reason: evil, message: evil, delivery: 1 },
          ],
        }),
      },
    ],
    moreLetters: true,
    sagas: [
      {
        service: evil,
        saga: Saga.create({
          ...{ id: evil, name: evil, step: evil, waitsFor: evil, lastError: evil },
          status: SagaStatus.STUCK,
        }),
      },
    ],
  };
  for (const html of Object.values(regionsOf(look))) {
    expect(html).not.toMatch(/<script|<img|\u202e/);
    // What stands in double quotes is text; nothing of it may have become an attribute.
    expect(html.replaceAll(/"[^"]*"/g, '""')).not.toMatch(/<[^>]*\son\w+=/);
  }
  expect(Object.values(regionsOf(look)).join('')).toContain('&lt;script&gt;');
});
