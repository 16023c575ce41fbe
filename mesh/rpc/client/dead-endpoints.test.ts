import { afterEach, describe, expect, test } from '@jest/globals';
import {
  InventoryServiceDefinition,
  ReserveOutcome,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { weftImage } from '../../schema/image.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { errorOf } from '../../testing/error-of.ts';
import { freePort } from '../../testing/ports.ts';
import { inventory } from '../../testing/shop-handlers.ts';
import { laneKey } from '../lane/protocol.ts';
import { createServer } from '../server/server.ts';
import { createPeers, type Peers } from './peers.ts';
import type { Client } from './stub.ts';

const order = { orderId: 'o1', lines: [{ sku: 'TEA', quantity: 1 }] };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Listed {
  readonly stub: Client<InventoryServiceDefinition>;
  readonly peers: Peers;
  readonly telemetry: ReturnType<typeof createTelemetry>;
  /** Calls that reached a handler. */
  readonly handled: () => number;
}

/** An inventory of which discovery names `dead` instances where nobody listens, and `live` that answer. */
async function listed(dead: number, live: number, lane = '1'): Promise<Listed> {
  const { registry, resolver } = createMemoryDiscovery();
  let handled = 0;
  const server = createServer({ image: weftImage() });
  server.add(
    InventoryServiceDefinition,
    inventory({
      reserve() {
        handled++;
        return Promise.resolve({ outcome: ReserveOutcome.RESERVED, sku: '', total: undefined });
      },
    }),
  );
  const { port } = await server.listen();
  for (let i = 0; i < dead + live; i++) {
    const at = i < dead ? await freePort() : port;
    await registry.register({
      ...{ instanceId: `inventory-${String(i)}`, service: 'inventory', host: '127.0.0.1' },
      ...{ port: at, metadata: { [laneKey]: lane } },
    });
  }
  const telemetry = createTelemetry({ service: 'test', instanceId: 'test-1', clock: systemClock });
  const peers = createPeers({ resolver, metrics: telemetry.rpc });
  // A schema that marks nothing: what may have reached a handler is not repeated.
  const { reserve } = InventoryServiceDefinition.methods;
  const unmarked = {
    ...InventoryServiceDefinition,
    methods: { ...InventoryServiceDefinition.methods, reserve: { ...reserve, options: {} } },
  } as const;
  const stub = peers.client(unmarked);
  closing.push(
    () => server.close(),
    () => peers.close(),
  );
  return { stub, peers, telemetry, handled: () => handled };
}

describe.each([
  ['by lane', '1'],
  ['plainly', '0'],
])('of ten instances that discovery lists nine are dead, and %s', (_how, lane) => {
  test('none of a thousand calls fails, and each is made once', async () => {
    const { stub, peers, handled } = await listed(9, 1, lane);
    let failed = 0;
    // A good second, so that the dead ones are tried again in the midst of it.
    for (let batch = 0; batch < 100; batch++) {
      const calls = Array.from({ length: 10 }, () => stub.reserve(order).catch(() => failed++));
      await Promise.all(calls);
      await systemClock.sleep(12);
    }
    expect(failed).toBe(0);
    expect(handled()).toBe(1000);
    expect(peers.describe()[0]?.guard.breaker).toBe('closed');
  });
});

test('what never left costs neither attempts nor budget, and is told as what it was', async () => {
  const { stub, peers, telemetry } = await listed(9, 1);
  const before = peers.describe()[0]?.budgetLeft ?? 0;
  for (let i = 0; i < 20; i++) await stub.reserve(order);
  expect(peers.describe()[0]?.budgetLeft).toBeGreaterThanOrEqual(before);
  const scraped = telemetry.registry.expose();
  expect(scraped).toMatch(/grpc_client_call_transparent_retries_sum\{[^}]*\} [1-9]\d*\n/);
  expect(scraped).not.toMatch(/grpc_client_call_retries_sum/);
});

test('where all are dead a call tries each of them, and says so, well before its deadline', async () => {
  const { stub } = await listed(6, 0);
  const startMs = systemClock.monotonic();
  const error = await errorOf(stub.reserve(order));
  expect(error).toBeInstanceOf(MeshError);
  expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'ENDPOINT_UNREACHED' });
  expect(error.message).toContain('ECONNREFUSED');
  expect(error.message).toContain('each of the 6 endpoints that were tried');
  expect(systemClock.monotonic() - startMs).toBeLessThan(1000);
});
