import { type Cell, layout, totalOf } from './cells.ts';
import { type Bounds, bucketOf, latencyBoundsMs, sizeBounds } from './histogram.ts';
import type { HistogramSample, MetricSpec, Sample } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';
import {
  type ClientCells,
  count,
  type RpcMeters,
  type ServerCells,
  type Stretch,
  stretches,
  sumAt,
} from './rpc-meters.ts';

/**
 * What the meters of rpc are called outside. The same numbers stand under two names: gRPC's own (gRFC A66 and
 * A96, what grpc-go, grpc-java and grpc-c++ emit) and OpenTelemetry's conventions for any RPC (release
 * candidate of 2026), so that a dashboard made for either finds weft. `weft.transport` is weft's addition.
 */
const target = ['grpc.method', 'grpc.target'];
const attempt = [...target, 'grpc.status', 'weft.transport'];
const served = ['grpc.method', 'grpc.status', 'weft.transport'];
const otelClient = ['rpc.system.name', 'rpc.method', 'rpc.response.status_code', 'server.address'];
const otelServer = ['rpc.system.name', 'rpc.method', 'rpc.response.status_code'];

const seconds = { kind: 'histogram', unit: 's' } as const;
const bytes = { kind: 'histogram', unit: 'By' } as const;

const specs = {
  attemptStarted: {
    ...{ name: 'grpc.client.attempt.started', kind: 'counter', unit: '{attempt}', labels: target },
    help: 'Attempts that were begun, those under way counted.',
  },
  attemptDuration: {
    ...{ name: 'grpc.client.attempt.duration', ...seconds, labels: attempt },
    help: 'Time of an attempt, from the choice of its endpoint to its end.',
  },
  attemptSent: {
    ...{ name: 'grpc.client.attempt.sent_total_compressed_message_size', ...bytes },
    ...{ labels: attempt, help: 'Request messages of an attempt, as they were sent.' },
  },
  attemptReceived: {
    ...{ name: 'grpc.client.attempt.rcvd_total_compressed_message_size', ...bytes },
    ...{ labels: attempt, help: 'Response messages of an attempt, as they came.' },
  },
  callDuration: {
    ...{ name: 'grpc.client.call.duration', ...seconds, labels: [...target, 'grpc.status'] },
    help: 'Time of a call as its caller sees it: all attempts, and the waits between them.',
  },
  callRetries: {
    ...{ name: 'grpc.client.call.retries', kind: 'histogram', unit: '{retry}', labels: target },
    help: 'Attempts of a call in place of one that failed; calls without one are not reported.',
  },
  callTransparentRetries: {
    ...{ name: 'grpc.client.call.transparent_retries', kind: 'histogram', labels: target },
    unit: '{transparent_retry}',
    help: 'Attempts of a call in place of one that never left this process; calls without one are not reported.',
  },
  callHedges: {
    ...{ name: 'grpc.client.call.hedges', kind: 'histogram', unit: '{hedge}', labels: target },
    help: 'Attempts of a call beside one that was still out; calls without one are not reported.',
  },
  callRetryDelay: {
    ...{ name: 'grpc.client.call.retry_delay', ...seconds, labels: target },
    help: 'Time of a call while no attempt was out; calls without a retry are not reported.',
  },
  callRefused: {
    ...{ name: 'weft.client.call.refused', kind: 'counter', unit: '{call}' },
    ...{ labels: [...target, 'grpc.status'] },
    help: 'Calls that ended without an attempt: breaker open, bulkhead full, no endpoint.',
  },
  clientActive: {
    ...{ name: 'weft.client.call.active', kind: 'gauge', unit: '{call}', labels: target },
    help: 'Calls under way.',
  },
  serverStarted: {
    ...{ name: 'grpc.server.call.started', kind: 'counter', unit: '{call}' },
    ...{ labels: ['grpc.method'], help: 'Calls that arrived, those under way counted.' },
  },
  serverDuration: {
    ...{ name: 'grpc.server.call.duration', ...seconds, labels: served },
    help: 'Time of a call in this server, from its arrival to its end.',
  },
  serverSent: {
    ...{ name: 'grpc.server.call.sent_total_compressed_message_size', ...bytes },
    ...{ labels: served, help: 'Response messages of a call, as they were sent.' },
  },
  serverReceived: {
    ...{ name: 'grpc.server.call.rcvd_total_compressed_message_size', ...bytes },
    ...{ labels: served, help: 'Request messages of a call, as they came.' },
  },
  serverActive: {
    ...{ name: 'weft.server.call.active', kind: 'gauge', unit: '{call}' },
    ...{ labels: ['grpc.method'], help: 'Calls under way.' },
  },
  otelClientDuration: {
    ...{ name: 'rpc.client.call.duration', ...seconds, labels: otelClient },
    help: 'The same as grpc.client.call.duration, by OpenTelemetry name.',
  },
  otelServerDuration: {
    ...{ name: 'rpc.server.call.duration', ...seconds, labels: otelServer },
    help: 'The same as grpc.server.call.duration, by OpenTelemetry name.',
  },
} as const satisfies Record<string, MetricSpec>;

/** Lets a registry read what the meters measured. */
export function observeRpc(registry: MetricsRegistry, { clients, servers }: RpcMeters): void {
  const each = <T, S>(rows: readonly T[], read: (row: T) => S[]): (() => S[]) => {
    return () => rows.flatMap(read);
  };
  registry.observe(specs.attemptStarted, each(clients, started(count.attempts, targetLabels)));
  registry.observe(specs.attemptDuration, each(clients, ofAttempts(latency)));
  registry.observe(specs.attemptSent, each(clients, ofAttempts(sent)));
  registry.observe(specs.attemptReceived, each(clients, ofAttempts(received)));
  registry.observe(specs.callDuration, each(clients, callDurations));
  registry.observe(specs.callRetries, each(clients, perCall(stretches.retries)));
  registry.observe(specs.callTransparentRetries, each(clients, perCall(stretches.transparent)));
  registry.observe(specs.callHedges, each(clients, perCall(stretches.hedges)));
  registry.observe(specs.callRetryDelay, each(clients, perCall(stretches.delayMs, 0.001)));
  registry.observe(specs.callRefused, each(clients, refused));
  registry.observe(specs.clientActive, each(clients, active(targetLabels)));
  registry.observe(specs.otelClientDuration, each(clients, otelCalled));
  registry.observe(specs.serverStarted, each(servers, started(count.started, methodLabels)));
  registry.observe(specs.serverDuration, each(servers, ofServed(latency)));
  registry.observe(specs.serverSent, each(servers, ofServed(sent)));
  registry.observe(specs.serverReceived, each(servers, ofServed(received)));
  registry.observe(specs.serverActive, each(servers, active(methodLabels)));
  registry.observe(specs.otelServerDuration, each(servers, otelServed));
}

const targetLabels = ({ method, target: to }: ClientCells): string[] => [method, to];
const methodLabels = ({ method }: ServerCells): string[] => [method];

interface Counted {
  readonly counts: Float64Array;
}

function started<T extends Counted>(place: number, labels: (row: T) => string[]) {
  return (row: T): Sample[] => [{ labels: labels(row), value: row.counts[place] ?? 0 }];
}

function active<T extends Counted>(labels: (row: T) => string[]) {
  return (row: T): Sample[] => [{ labels: labels(row), value: activeCalls(row) }];
}

/** Calls under way. */
export function activeCalls({ counts }: Counted): number {
  return Math.max(0, (counts[count.started] ?? 0) - (counts[count.ended] ?? 0));
}

type Reading = (labels: string[], cell: Cell) => HistogramSample;

function ofAttempts(reading: Reading) {
  return (row: ClientCells): HistogramSample[] =>
    row.attempts.made.map((cell) => {
      return reading([...targetLabels(row), cell.status, cell.transport], cell);
    });
}

function ofServed(reading: Reading) {
  return (row: ServerCells): HistogramSample[] =>
    row.calls.made.map((cell) => reading([row.method, cell.status, cell.transport], cell));
}

function callDurations(row: ClientCells): HistogramSample[] {
  return row.calls.made.map((cell) => latency([...targetLabels(row), cell.status], cell));
}

function refused(row: ClientCells): Sample[] {
  return row.refused.made.map(({ status, values }) => ({
    labels: [...targetLabels(row), status],
    value: totalOf(values),
  }));
}

function perCall(stretch: Stretch, scale = 1) {
  const { at, bounds } = stretch;
  return (row: ClientCells): HistogramSample[] => {
    const counts = row.counts.subarray(at, sumAt(stretch));
    const sum = row.counts[sumAt(stretch)] ?? 0;
    if (counts.every((calls) => calls === 0)) return [];
    return [{ labels: targetLabels(row), bounds, counts, sum, scale }];
  };
}

const latency: Reading = (labels, { values }) => ({
  labels,
  bounds: latencyBoundsMs,
  counts: values.subarray(0, layout.latencySum),
  sum: values[layout.latencySum] ?? 0,
  scale: 0.001,
});

const sent: Reading = (labels, { values }) => ({
  labels,
  bounds: sizeBounds,
  counts: values.subarray(layout.sent, layout.sentSum),
  sum: values[layout.sentSum] ?? 0,
});

const received: Reading = (labels, { values }) => ({
  labels,
  bounds: sizeBounds,
  counts: values.subarray(layout.received, layout.receivedSum),
  sum: values[layout.receivedSum] ?? 0,
});

function otelCalled(row: ClientCells): HistogramSample[] {
  return row.calls.made.map((cell) =>
    coarse(['grpc', row.method, cell.status, row.target], [cell]),
  );
}

function otelServed(row: ServerCells): HistogramSample[] {
  return [...Map.groupBy(row.calls.made, ({ status }) => status)].map(([status, cells]) =>
    coarse(['grpc', row.method, status], cells),
  );
}

/**
 * OpenTelemetry advises 14 buckets from 5 ms to 10 s for RPC; these ten of them are buckets of A66 too, and so
 * can be read from the same cells exactly.
 */
const coarseBounds: Bounds = Float64Array.of(5, 10, 25, 50, 100, 250, 500, 1000, 5000, 10_000);

function coarse(labels: string[], cells: readonly Cell[]): HistogramSample {
  const counts = new Float64Array(coarseBounds.length + 1);
  let sum = 0;
  for (const { values } of cells) {
    for (let i = 0; i < layout.latencySum; i++) {
      const bucket = bucketOf(coarseBounds, latencyBoundsMs[i] ?? Number.POSITIVE_INFINITY);
      counts[bucket] = (counts[bucket] ?? 0) + (values[i] ?? 0);
    }
    sum += values[layout.latencySum] ?? 0;
  }
  return { labels, bounds: coarseBounds, counts, sum, scale: 0.001 };
}
