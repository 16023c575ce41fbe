import { afterEach, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { UnreachedError } from '../../resilience/unreached.ts';
import { weftImage } from '../../schema/image.ts';
import { eventually } from '../../testing/eventually.ts';
import { createFakeTransport, fakeEndpoints } from '../../testing/fake-transport.ts';
import { inventory } from '../../testing/shop-handlers.ts';
import { laneKey } from '../lane/protocol.ts';
import { createLaneTransport } from '../lane/transport.ts';
import { createPlainTransport } from '../plain/transport.ts';
import { createServer } from '../server/server.ts';
import { createPeers } from './peers.ts';

const tea = { sku: 'TEA' };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** An inventory with one lane, and room for one call beside it; `work` is what a call waits for. */
async function rig(work: () => Promise<void>) {
  const { registry, resolver } = createMemoryDiscovery();
  let arrived = 0;
  let warm = false;
  const server = createServer({ image: weftImage() });
  server.add(
    InventoryServiceDefinition,
    inventory({
      async getStock() {
        arrived++;
        if (warm) await work();
        return { item: undefined };
      },
    }),
  );
  const { port } = await server.listen();
  closing.push(() => server.close());
  await registry.register({
    ...{ instanceId: 'inventory-0', service: 'inventory', host: '127.0.0.1', port },
    metadata: { [laneKey]: '1' },
  });
  const plain = createPlainTransport();
  const transport = createLaneTransport({ plain, maxLanes: 1, maxOverflow: 1 });
  const peers = createPeers({ resolver, transport });
  closing.push(() => peers.close());
  const stub = peers.client(InventoryServiceDefinition, { bulkhead: { maxInFlight: 10_000 } });
  const lanes = (): number => transport.stats().reduce((sum, each) => sum + each.lanes, 0);
  while (lanes() === 0) await stub.getStock(tea);
  arrived = 0;
  warm = true;

  /** How many calls of those that are made at once fail, and the last error. */
  async function callAtOnce(
    calls: number,
    timeoutMs = 2000,
  ): Promise<{ failed: number; last?: MeshError }> {
    let failed = 0;
    let last: MeshError | undefined;
    const made = Array.from({ length: calls }, () =>
      stub.getStock(tea, { timeoutMs }).catch((thrown: unknown) => {
        failed++;
        last = MeshError.from(thrown);
      }),
    );
    await Promise.all(made);
    return { failed, ...(last && { last }) };
  }
  return { callAtOnce, arrived: () => arrived, peers };
}

test('a call for which an instance has no room waits until it has, and arrives once', async () => {
  const { callAtOnce, arrived } = await rig(() => systemClock.sleep(15));
  expect(await callAtOnce(1300, 20_000)).toEqual({ failed: 0 });
  expect(arrived()).toBe(1300);
});

test('or goes to an instance that has room, at once', async () => {
  const { registry, resolver } = createMemoryDiscovery();
  for (const endpoint of fakeEndpoints('inventory', 2)) await registry.register(endpoint);
  const full = { status: 'RESOURCE_EXHAUSTED', reason: 'LANE_FULL' } as const;
  const transport = createFakeTransport(({ endpoint }) => {
    if (endpoint.instanceId === 'inventory-0') throw new UnreachedError('no room', full);
    return { item: undefined };
  });
  const peers = createPeers({ resolver, transport });
  const stub = peers.client(InventoryServiceDefinition);
  for (let i = 0; i < 100; i++) await stub.getStock(tea);
  const asked = transport.arrivals.filter(
    ({ endpoint: { instanceId } }) => instanceId === 'inventory-0',
  );
  expect(asked.length).toBeGreaterThan(0);
  expect(transport.arrivals.every(({ context }) => context.attempt === 1)).toBe(true);
  expect(peers.describe()[0]?.endpoints.map(({ health }) => health)).toEqual(['in', 'in']);
  await peers.close();
});

test('where there is no room until its deadline it is refused, and nobody is blamed', async () => {
  const held = Promise.withResolvers<void>();
  const { callAtOnce, arrived, peers } = await rig(() => held.promise);
  const filled = callAtOnce(1025, 20_000);
  await eventually(() => arrived() === 1025);
  const startMs = systemClock.monotonic();
  const { failed, last } = await callAtOnce(100, 300);
  expect(failed).toBe(100);
  expect(systemClock.monotonic() - startMs).toBeLessThan(3000);
  expect(last).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'LANE_FULL' });
  expect(last?.message).toContain('not sent: every lane is full');
  const [target] = peers.describe();
  expect(target?.guard.breaker).toBe('closed');
  expect(target?.endpoints[0]).toMatchObject({ health: 'in', successRate: 1 });
  expect(target?.endpoints[0]?.latencyMs).toBeLessThan(4000);
  held.resolve();
  expect(await filled).toEqual({ failed: 0 });
});
