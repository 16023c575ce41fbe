import { describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import type { TargetPolicy } from '../../config/policy.ts';
import type { TrafficPlan } from '../../config/traffic.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { MeshError } from '../../kernel/error.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import {
  createFakeTransport,
  type FakeArrival,
  fakeEndpoints,
} from '../../testing/fake-transport.ts';
import { createSeededRandom } from '../../testing/seeded-random.ts';
import { closeClient } from './client.ts';
import type { PeersOptions } from './options.ts';
import { createPeers, type Peers } from './peers.ts';

const tea = { sku: 'TEA-GREEN' };
const order = { orderId: 'o1', lines: [{ ...tea, quantity: 1 }] };
const stock = { item: undefined };
const down = new MeshError('down', { status: 'UNAVAILABLE' });

async function peersOf(
  answer: (arrival: FakeArrival) => unknown,
  over: Partial<PeersOptions> = {},
  endpoints: readonly Endpoint[] = fakeEndpoints('inventory', 3),
) {
  const { registry, resolver } = createMemoryDiscovery();
  for (const endpoint of endpoints) await registry.register(endpoint);
  const transport = createFakeTransport(answer);
  const random = createSeededRandom(1);
  const peers = createPeers({ resolver, transport, random, ...over });
  return { peers, transport, registry };
}

function targetOf(peers: Peers) {
  const [target] = peers.describe();
  if (target === undefined) throw new Error('no target');
  return target;
}

describe('the clients of one process', () => {
  test('share breaker, bulkhead, budget and connections of a target', async () => {
    const { peers, transport } = await peersOf(() => Promise.reject(down), {
      clock: createFakeClock(),
    });
    const one = peers.client(InventoryServiceDefinition, { retry: { attempts: 1 } });
    const other = peers.client(InventoryServiceDefinition, { retry: { attempts: 1 } });
    for (let i = 0; i < 5; i++) await errorOf(one.getStock(tea));
    await eventually(() => targetOf(peers).guard.breaker === 'open');
    expect((await errorOf(other.getStock(tea))).reason).toBe('BREAKER_OPEN');
    expect(transport.arrivals.length).toBe(5);
    expect(peers.describe().map(({ target }) => target)).toEqual(['inventory']);
    await peers.close();
    const used = new Set(transport.arrivals.map(({ endpoint }) => endpoint.instanceId));
    expect(transport.closed.length).toBe(used.size);
  });

  test('end one by one', async () => {
    const { peers } = await peersOf(() => stock);
    const one = peers.client(InventoryServiceDefinition);
    const other = peers.client(InventoryServiceDefinition);
    await closeClient(one);
    expect((await errorOf(one.getStock(tea))).reason).toBe('CLIENT_CLOSED');
    await expect(other.getStock(tea)).resolves.toEqual(stock);
    await peers.close();
    expect((await errorOf(other.getStock(tea))).reason).toBe('CLIENT_CLOSED');
    await peers.close();
  });
});

describe('live policy', () => {
  function sourceOf() {
    let tell: ((policy: TargetPolicy | undefined) => void) | undefined;
    const policySource = {
      watch(_target: string, listener: (policy: TargetPolicy | undefined) => void) {
        tell = listener;
        return { close: () => undefined };
      },
    };
    return { policySource, say: (policy: TargetPolicy | undefined) => tell?.(policy) };
  }

  test('outweighs schema and client, for the next call and not for those under way', async () => {
    const clock = createFakeClock();
    const { policySource, say } = sourceOf();
    const { peers, transport } = await peersOf(() => stock, { clock, policySource });
    const stub = peers.client(InventoryServiceDefinition, { timeoutMs: 700 });
    const lastMs = (): number | undefined => transport.arrivals.at(-1)?.context.deadline?.at;
    await stub.getStock(tea);
    expect(lastMs()).toBe(700);
    say({ defaults: { timeoutMs: 300 }, methods: { Reserve: { timeoutMs: 400 } } });
    await stub.getStock(tea);
    expect(lastMs()).toBe(300);
    await stub.reserve(order);
    expect(lastMs()).toBe(400);
    const rows = targetOf(peers).policy.filter(({ setting }) => setting === 'timeoutMs');
    expect(rows).toContainEqual({
      method: 'Reserve',
      setting: 'timeoutMs',
      value: '400',
      origin: 'kv method',
    });
    say(undefined);
    await stub.getStock(tea);
    expect(lastMs()).toBe(700);
    await peers.close();
  });

  test('a smaller bulkhead refuses new calls and drops none', async () => {
    const { policySource, say } = sourceOf();
    const held: PromiseWithResolvers<unknown>[] = [];
    const { peers } = await peersOf(
      () => {
        held.push(Promise.withResolvers());
        return held.at(-1)?.promise;
      },
      { policySource },
    );
    const stub = peers.client(InventoryServiceDefinition);
    const calls = [1, 2, 3].map(() => stub.getStock(tea));
    say({ bulkhead: { maxInFlight: 2 } });
    expect(targetOf(peers).guard).toMatchObject({ inFlight: 3, maxInFlight: 2 });
    expect((await errorOf(stub.getStock(tea))).reason).toBe('BULKHEAD_FULL');
    held[0]?.resolve(stock);
    await calls[0];
    expect((await errorOf(stub.getStock(tea))).reason).toBe('BULKHEAD_FULL');
    held[1]?.resolve(stock);
    await calls[1];
    const next = stub.getStock(tea);
    expect(targetOf(peers).guard.inFlight).toBe(2);
    for (const each of held) each.resolve(stock);
    await Promise.all([...calls, next]);
    await peers.close();
  });

  test('another breaker takes over what was counted', async () => {
    const { policySource, say } = sourceOf();
    const { peers } = await peersOf(() => Promise.reject(down), {
      policySource,
      clock: createFakeClock(),
    });
    const stub = peers.client(InventoryServiceDefinition, { retry: { attempts: 1 } });
    for (let i = 0; i < 4; i++) await errorOf(stub.getStock(tea));
    expect(targetOf(peers).guard.breaker).toBe('closed');
    say({ breaker: { minCalls: 100, consecutive: 100 } });
    for (let i = 0; i < 10; i++) await errorOf(stub.getStock(tea));
    expect(targetOf(peers).guard.breaker).toBe('closed');
    say({ breaker: { minCalls: 2 } });
    await errorOf(stub.getStock(tea));
    await eventually(() => targetOf(peers).guard.breaker === 'open');
    await peers.close();
  });

  test('without lanes or sockets, connections that used them are made anew', async () => {
    const { policySource, say } = sourceOf();
    const metadata = { 'weft-lane': '1', 'weft-unix': '/tmp/x', zone: 'a' };
    const endpoints = fakeEndpoints('inventory', 1, metadata);
    const { peers, transport } = await peersOf(() => stock, { policySource }, endpoints);
    const stub = peers.client(InventoryServiceDefinition);
    await stub.getStock(tea);
    say({ lane: false, unix: false });
    await stub.getStock(tea);
    expect(transport.arrivals[0]?.endpoint.metadata).toEqual(metadata);
    expect(transport.arrivals[1]?.endpoint.metadata).toEqual({ zone: 'a' });
    expect(transport.closed.length).toBe(1);
    await peers.close();
  });
});

describe('traffic plans', () => {
  const byVersion = (name: string) => ({
    name: `inventory/${name}`,
    service: 'inventory',
    matches: ({ metadata }: Endpoint) => metadata['version'] === name,
  });

  test('send each call to one subset, its retries too, within the time that the router says', async () => {
    let tell: ((plan: TrafficPlan) => void) | undefined;
    const trafficSource = {
      watch(_target: string, listener: (plan: TrafficPlan) => void) {
        tell = listener;
        return { close: () => undefined };
      },
    };
    const [a, b, c, d] = fakeEndpoints('inventory', 4);
    const versioned = [a, b, c, d].map((endpoint, n) => ({
      ...endpoint,
      metadata: { version: n < 2 ? 'v1' : 'v2' },
    })) as Endpoint[];
    const clock = createFakeClock();
    const { peers, transport } = await peersOf(
      ({ context }) => (context.attempt === 1 ? Promise.reject(down) : stock),
      { trafficSource, clock },
      versioned,
    );
    const stub = peers.client(InventoryServiceDefinition, { retry: { baseMs: 0, maxMs: 0 } });
    // Nobody knows yet where it goes: the call waits.
    const early = stub.getStock(tea);
    await Promise.resolve();
    expect(transport.arrivals).toEqual([]);
    const metadataChoice: TrafficPlan['choose'] = (_method, { to }) => (to === 'v2' ? 1 : 0);
    const destinations = [byVersion('v1'), { ...byVersion('v2'), timeoutMs: 50 }];
    tell?.({ destinations, choose: metadataChoice });
    await early;
    for (let i = 0; i < 10; i++) await stub.getStock(tea, { metadata: { to: 'v2' } });
    const versions = transport.arrivals.map(({ endpoint }) => endpoint.metadata['version']);
    expect(versions.slice(0, 2)).toEqual(['v1', 'v1']);
    expect(new Set(versions.slice(2))).toEqual(new Set(['v2']));
    const left = transport.arrivals.at(-1)?.context.deadline?.at ?? 0;
    expect(left - clock.monotonic()).toBeLessThanOrEqual(50);
    expect(
      targetOf(peers)
        .endpoints.map(({ destination }) => destination)
        .sort(),
    ).toEqual(['inventory/v1', 'inventory/v1', 'inventory/v2', 'inventory/v2']);
    await peers.close();
  });
});

describe('calls of one turn of the event loop', () => {
  const manyAtOnce = async (transportKind: 'lane' | 'plain', batch = true) => {
    const { peers, transport } = await peersOf(
      async ({ context }) => {
        if (context.report !== undefined) context.report.transport = transportKind;
        await new Promise(setImmediate);
        return stock;
      },
      { batch },
    );
    const stub = peers.client(InventoryServiceDefinition);
    // Each endpoint shows how it is reached.
    for (let i = 0; i < 30; i++) await stub.getStock(tea);
    const from = transport.arrivals.length;
    await Promise.all(Array.from({ length: 64 }, () => stub.getStock(tea)));
    await peers.close();
    const order = transport.arrivals.slice(from).map(({ endpoint }) => endpoint.instanceId);
    return order.filter((id, n) => id !== order[n - 1]).length;
  };

  test('go to one endpoint, at most 32 of them, where they travel over lanes', async () => {
    expect(await manyAtOnce('lane')).toBeLessThanOrEqual(4);
  });

  test('are spread where they travel plainly, or where that is asked for', async () => {
    expect(await manyAtOnce('plain')).toBeGreaterThan(8);
    expect(await manyAtOnce('lane', false)).toBeGreaterThan(8);
  });
});
