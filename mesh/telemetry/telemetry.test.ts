import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { MethodInfo } from '../kernel/call.ts';
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts';
import { createTelemetry, type Telemetry } from './telemetry.ts';

const method = (name: string, kind: MethodInfo['kind'] = 'unary'): MethodInfo => ({
  ...{ service: 'shop.orders.v1.OrdersService', name, kind, idempotency: 'unknown', policy: {} },
  path: `/shop.orders.v1.OrdersService/${name}`,
});
const place = method('PlaceOrder');

let clock: FakeClock;
let telemetry: Telemetry;

beforeEach(() => {
  clock = createFakeClock();
  telemetry = createTelemetry({ clock, service: 'gateway', instanceId: 'gateway-1' });
});

afterEach(async () => {
  await telemetry.close();
  expect(clock.pending).toBe(0);
});

/** The lines of a scrape that begin with `start`. */
const lines = (start: string): string[] =>
  telemetry.registry
    .expose()
    .split('\n')
    .filter((line) => line.startsWith(start));

/** One call with one attempt. */
function call(status: 'OK' | 'UNAVAILABLE' | 'NOT_FOUND', ms: number): void {
  const meter = telemetry.rpc.client('orders', place);
  meter.callStarted();
  meter.attemptStarted();
  meter.attemptEnded(status, ms, 'lane', 160, 2000);
  meter.callEnded(status, ms, 1);
}

describe('what a scrape shows', () => {
  test("is gRPC's names and buckets, with lane and plain told apart", () => {
    call('OK', 0.2);
    telemetry.rpc.client('orders', place).attemptEnded('OK', 7, 'plain', 10, 0);
    const labels =
      'grpc_method="shop.orders.v1.OrdersService/PlaceOrder",grpc_target="orders",grpc_status="OK"';
    const duration = 'grpc_client_attempt_duration_seconds';
    const onLane = `${labels},weft_transport="lane"`;
    expect(lines(duration)).toEqual(
      expect.arrayContaining([
        `${duration}_bucket{${onLane},le="0.0001"} 0`,
        `${duration}_bucket{${onLane},le="0.0003"} 1`,
        `${duration}_bucket{${onLane},le="+Inf"} 1`,
        `${duration}_sum{${onLane}} 0.0002`,
        `${duration}_count{${onLane}} 1`,
        `${duration}_count{${labels},weft_transport="plain"} 1`,
      ]),
    );
    const received = 'grpc_client_attempt_rcvd_total_compressed_message_size_bytes';
    expect(lines(`${received}_bucket{${onLane}`).slice(0, 3)).toEqual([
      `${received}_bucket{${onLane},le="0"} 0`,
      `${received}_bucket{${onLane},le="1024"} 0`,
      `${received}_bucket{${onLane},le="2048"} 1`,
    ]);
    expect(lines('grpc_client_attempt_started_total')).toEqual([
      'grpc_client_attempt_started_total{grpc_method="shop.orders.v1.OrdersService/PlaceOrder",grpc_target="orders"} 1',
    ]);
  });

  test("has OpenTelemetry's names beside them, from the same numbers", () => {
    call('OK', 7);
    const served = telemetry.rpc.server(place);
    served.callStarted();
    served.callEnded('OK', 7, 'plain', 1, 1);
    served.callStarted();
    served.callEnded('OK', 3, 'lane', 1, 1);
    const labels =
      'rpc_system_name="grpc",rpc_method="shop.orders.v1.OrdersService/PlaceOrder",rpc_response_status_code="OK"';
    const [client, server] = ['rpc_client_call_duration', 'rpc_server_call_duration'];
    expect(lines(client)).toContain(
      `${client}_seconds_bucket{${labels},server_address="orders",le="0.01"} 1`,
    );
    expect(lines(server)).toContain(`${server}_seconds_bucket{${labels},le="0.005"} 1`);
    expect(lines(server)).toContain(`${server}_seconds_count{${labels}} 2`);
  });

  test('counts retries and refusals, and not the calls that needed neither', () => {
    call('OK', 1);
    expect(lines('grpc_client_call_retries')).toEqual([]);
    const meter = telemetry.rpc.client('orders', place);
    meter.callEnded('OK', 60, 3);
    meter.callRepeated({ retries: 2, transparent: 7, hedges: 0, delayMs: 75 });
    meter.callEnded('UNAVAILABLE', 0.01, 0);
    expect(lines('grpc_client_call_retries_sum')[0]).toMatch(/ 2$/);
    expect(lines('grpc_client_call_retries_bucket')[0]).toMatch(/le="1"} 0$/);
    expect(lines('grpc_client_call_retries_bucket')[1]).toMatch(/le="2"} 1$/);
    expect(lines('grpc_client_call_transparent_retries_bucket')[4]).toMatch(/le="5"} 0$/);
    expect(lines('grpc_client_call_transparent_retries_bucket')[5]).toMatch(/le="10"} 1$/);
    expect(lines('grpc_client_call_retry_delay_seconds_sum')[0]).toMatch(/ 0.075$/);
    expect(lines('grpc_client_call_hedges')).toEqual([]);
    expect(lines('weft_client_call_refused_total')).toEqual([
      expect.stringMatching(/grpc_status="UNAVAILABLE"} 1$/),
    ]);
  });

  test('tells hedges apart from retries, and says nothing of delay where there was none to be', () => {
    const meter = telemetry.rpc.client('orders', place);
    meter.callRepeated({ retries: 0, transparent: 0, hedges: 1, delayMs: 0 });
    expect(lines('grpc_client_call_hedges_sum')[0]).toMatch(/ 1$/);
    expect(lines('grpc_client_call_retr')).toEqual([]);
  });

  test('tells calls under way, and knows one meter for all stubs of a target', () => {
    const meter = telemetry.rpc.client('orders', place);
    expect(telemetry.rpc.client('orders', place)).toBe(meter);
    meter.callStarted();
    meter.callStarted();
    meter.callEnded('OK', 1, 1);
    expect(lines('weft_client_call_active')[0]).toMatch(/ 1$/);
  });

  test('stays bounded: the methods beyond a thousand are one, called "other"', () => {
    for (let i = 0; i < 1200; i++) telemetry.rpc.client('orders', method(`M${i}`)).attemptStarted();
    const started = lines('grpc_client_attempt_started_total');
    expect(started).toHaveLength(1001);
    expect(started.at(-1)).toMatch(/\{grpc_method="other",grpc_target="other"\} 200$/);
  });

  test('has one series for them and for what a server does not serve', () => {
    const unserved = { ...method('other', 'bidi'), path: '/other' };
    telemetry.rpc.server(unserved).callStarted();
    for (let i = 0; i < 1001; i++) telemetry.rpc.server(method(`M${i}`)).callStarted();
    const others = lines('grpc_server_call_started_total{grpc_method="other"');
    expect(others).toEqual(['grpc_server_call_started_total{grpc_method="other"} 2']);
  });
});

describe('the last minute', () => {
  test('is rate, success and latency, with failures told from mistakes of the caller', () => {
    for (let i = 0; i < 98; i++) call('OK', 0.2);
    call('UNAVAILABLE', 400);
    call('NOT_FOUND', 400);
    clock.advance(50_000);
    const { seconds, clients } = telemetry.lastMinute();
    expect(seconds).toBe(50);
    expect(clients).toHaveLength(1);
    expect(clients[0]?.calls).toMatchObject({
      ended: 100,
      failed: 1,
      perSecond: 2,
      byStatus: { OK: 98, UNAVAILABLE: 1, NOT_FOUND: 1 },
    });
    const { p50Ms = 0, p95Ms = 0, p99Ms = 0 } = clients[0]?.calls ?? {};
    expect(p50Ms).toBeGreaterThan(0.1);
    expect(p95Ms).toBeLessThan(0.3);
    expect(p99Ms).toBeGreaterThan(300);
  });

  test('forgets what is older, and keeps what is not', () => {
    call('UNAVAILABLE', 1);
    clock.advance(30_000);
    call('OK', 1);
    clock.advance(29_000);
    expect(telemetry.lastMinute().clients[0]?.calls).toMatchObject({ ended: 2, failed: 1 });
    clock.advance(10_000);
    const { seconds, clients } = telemetry.lastMinute();
    expect(seconds).toBeGreaterThanOrEqual(60);
    expect(seconds).toBeLessThanOrEqual(65);
    expect(clients[0]?.calls).toMatchObject({ ended: 1, failed: 0 });
    clock.advance(60_000);
    expect(telemetry.lastMinute().clients[0]?.calls).toMatchObject({ ended: 0, perSecond: 0 });
  });

  test('counts attempts by transport, and calls that were retried or refused', () => {
    const meter = telemetry.rpc.client('orders', place);
    meter.attemptEnded('UNAVAILABLE', 1, 'lane', 1, 0);
    meter.attemptEnded('OK', 1, 'plain', 1, 1);
    meter.callEnded('OK', 2, 2);
    meter.callRepeated({ retries: 1, transparent: 0, hedges: 0, delayMs: 1 });
    meter.callEnded('UNAVAILABLE', 0, 0);
    const [row] = telemetry.lastMinute().clients;
    expect(row).toMatchObject({ retried: 1, refused: 1, calls: { ended: 2, failed: 1 } });
    expect(
      row?.attempts.map(({ transport, figures }) => [transport, figures.ended, figures.failed]),
    ).toEqual([
      ['lane', 1, 1],
      ['plain', 1, 0],
    ]);
  });

  test('knows the process: its memory, and a loop that is blocked', () => {
    clock.advance(1_000);
    const { process: figures } = telemetry.lastMinute();
    expect(figures.rssBytes).toBeGreaterThan(1e6);
    expect(figures.heapUsedBytes).toBeGreaterThan(1e6);
    expect(figures.loopDelayP99Ms).toBe(0);
    expect(figures.cpu).toBeGreaterThanOrEqual(0);
  });
});
