import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from '@jest/globals';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createBalancerEvents } from './balancer-events.ts';
import { observeEvents } from './event-metrics.ts';
import { prometheusName } from './exposition.ts';
import { createHttpMeter } from './http-metrics.ts';
import { createRefusalCount, observeIdentity } from './identity-metrics.ts';
import { createSpanExporter } from './otlp/exporter.ts';
import { observePeers, observeServingLanes } from './peer-metrics.ts';
import type { LaneView, TargetView } from './peers.ts';
import { observeProjections } from './projection-metrics.ts';
import { observeSagas } from './saga-metrics.ts';
import { createTelemetry } from './telemetry.ts';

/** Everything that a weft process can show, and the page that says so. */
const telemetry = createTelemetry({ clock: createFakeClock(), service: 'orders', instanceId: 'o' });
const { registry } = telemetry;
const lane: LaneView = { open: 2, calls: 300, writes: 20, plainCalls: { body: 3 } };
const endpoint = {
  ...{ address: 'h:1', inFlight: 0, streams: 0, latencyMs: 1, ejectedForMs: 0 },
  ...{ successRate: 1, weight: 1 },
};
const target: TargetView = {
  ...{ target: 'inventory', breaker: 'open', inFlight: 3, retryBudget: 17, stale: true },
  endpoints: [
    { ...endpoint, instanceId: 'i-1', health: 'in', lane },
    { ...endpoint, instanceId: 'i-2', health: 'in', lane },
    { ...endpoint, instanceId: 'i-3', health: 'ejected' },
  ],
};
let outbox: { unsent: number; later: number; refused: number } | undefined;
observePeers(registry, { targets: () => [target] });
observeServingLanes(registry, () => lane);
observeEvents(registry, {
  ...{ outbox: () => outbox, resent: () => 3, relay: () => 'standby' },
  consumers: () => [
    { consumer: 'warehouse', state: 'paused', parked: 4, deadLetters: 2 },
    { consumer: 'old', state: undefined, parked: undefined, deadLetters: 1 },
  ],
});
telemetry.events.published('shop-orders');
telemetry.events.sent('shop-orders', 'UNAVAILABLE', 3);
telemetry.events.consumer('warehouse', 'shop-orders').ended('done', 4, 250);
telemetry.events.consumer('warehouse', 'shop-orders').ended('failed', 4, undefined);
observeSagas(registry, { counts: () => ({ running: 2, compensating: 0, stuck: 1 }) });
createHttpMeter(registry);
createSpanExporter({
  ...{ url: 'http://127.0.0.1:4318/v1/traces', resource: {}, clock: createFakeClock() },
  ...{ random: systemRandom, log: silentLog, registry },
});
observeProjections(registry, () => [{ name: 'stock', state: 'behind' }]);
createBalancerEvents({ log: silentLog, registry });
observeIdentity(registry, { expiryMs: () => 1000, rotations: 2 });
const refuse = createRefusalCount(registry);

afterAll(() => telemetry.close());

const page = new URL('../../docs/reference/metrics.md', import.meta.url);

test('docs/reference/metrics.md lists every metric as it is: name, type, unit, labels, meaning', () => {
  const rows = readFileSync(page, 'utf8')
    .split('\n')
    .filter((line) => /^\| `[a-z].*<br>/.test(line));
  const wanted = registry.specs.map((spec) => {
    const labels = spec.labels.map((label) => `\`${label}\``).join(' ');
    const unit = spec.unit === '' ? '' : `\`${spec.unit}\``;
    const names = `| \`${spec.name}\`<br>\`${prometheusName(spec)}\``;
    return `${names} | ${spec.kind} | ${unit} | ${labels} | ${spec.help} |`.replaceAll('  ', ' ');
  });
  expect(rows.map((row) => row.replaceAll('  ', ' ')).sort()).toEqual(wanted.sort());
});

test('what is shown of an identity is its end, its renewals, and who was refused, each kind once', () => {
  expect(refuse('a/B', 'orders', 'INTENTION_DENIED')).toBe(true);
  expect(refuse('a/B', 'orders', 'INTENTION_DENIED')).toBe(false);
  const shown = registry.expose();
  expect(shown).toContain('weft_identity_leaf_expiry_seconds 1\n');
  expect(shown).toContain('weft_identity_rotations_total 2\n');
  expect(shown).toContain(
    'weft_server_refused_callers_total{grpc_method="a/B",weft_caller="orders",weft_reason="INTENTION_DENIED"} 2\n',
  );
});

describe('what weft shows of those it calls', () => {
  const shown = (): string => registry.expose();

  test('is the state of breaker, bulkhead, budget and discovery by target', () => {
    expect(shown()).toContain(
      'weft_client_breaker_state{grpc_target="inventory",weft_state="closed"} 0\n' +
        'weft_client_breaker_state{grpc_target="inventory",weft_state="open"} 1\n',
    );
    expect(shown()).toContain('weft_client_bulkhead_in_flight{grpc_target="inventory"} 3\n');
    expect(shown()).toContain('weft_client_retry_budget{grpc_target="inventory"} 17\n');
    expect(shown()).toContain('weft_client_discovery_stale{grpc_target="inventory"} 1\n');
  });

  test('is its endpoints by health, with a zero where none is ejected', () => {
    expect(shown()).toContain(
      'weft_client_endpoints{grpc_target="inventory",weft_health="ejected"} 1\n' +
        'weft_client_endpoints{grpc_target="inventory",weft_health="in"} 2\n',
    );
  });

  test('is its lanes: calls, writes, and what went plainly all the same', () => {
    expect(shown()).toContain('weft_lane_open{grpc_target="inventory",weft_side="client"} 4\n');
    expect(shown()).toContain(
      'weft_lane_calls_total{grpc_target="inventory",weft_side="client"} 600\n' +
        'weft_lane_calls_total{grpc_target="",weft_side="server"} 300\n',
    );
    expect(shown()).toContain(
      'weft_lane_plain_calls_total{grpc_target="inventory",weft_reason="body"} 6\n',
    );
  });

  test('is how many sagas are under way, and how many need a person', () => {
    expect(shown()).toContain('weft_sagas{weft_status="running"} 2\n');
    expect(shown()).toContain('weft_sagas{weft_status="stuck"} 1\n');
  });

  test('is what its projections are at', () => {
    const of = 'weft_projection="stock"';
    expect(shown()).toContain(`weft_projection_state{${of},weft_state="behind"} 1\n`);
    expect(shown()).toContain(`weft_projection_state{${of},weft_state="live"} 0\n`);
  });

  test('is what waits for the bus, once it was counted', () => {
    expect(shown()).not.toMatch(/^weft_events_outbox_depth /m);
    outbox = { unsent: 5, later: 2, refused: 1 };
    expect(shown()).toContain('weft_events_outbox_depth 5\n');
  });

  test('is what was published, sent and handled, and what waits for whom', () => {
    const text = shown();
    expect(text).toContain(
      'weft_events_published_total{messaging_destination_name="shop-orders"} 1\n',
    );
    expect(text).toContain(
      'messaging_client_sent_messages_total{messaging_system="nats",messaging_operation_name="send",messaging_destination_name="shop-orders",error_type="UNAVAILABLE"} 3\n',
    );
    const of = 'messaging_destination_name="shop-orders",messaging_consumer_group_name="warehouse"';
    const process = `messaging_system="nats",messaging_operation_name="process",${of}`;
    for (const outcome of ['done', 'failed']) {
      expect(text).toContain(
        `messaging_process_duration_seconds_count{${process},weft_outcome="${outcome}"} 1\n`,
      );
    }
    expect(text).toContain(`weft_events_delay_seconds_sum{${of}} 0.25\n`);
    expect(text).toContain('weft_events_relay_state{weft_state="standby"} 1\n');
    expect(text).toMatch(/^weft_events_consumer_state\{[^}]*"warehouse",weft_state="paused"\} 1$/m);
    expect(text).toContain('weft_events_parked{messaging_consumer_group_name="warehouse"} 4\n');
    expect(text).toContain('weft_events_dead_letters{messaging_consumer_group_name="old"} 1\n');
  });
});
