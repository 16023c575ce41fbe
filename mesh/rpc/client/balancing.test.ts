import { describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import type { BalancerEvent } from '../../balance/balancer.ts';
import type { Destination, TrafficPlan } from '../../config/traffic.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import type { Resolver, Snapshot } from '../../discovery/resolver.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { createFakeTransport, fakeEndpoints } from '../../testing/fake-transport.ts';
import { createSeededRandom } from '../../testing/seeded-random.ts';
import { inventory } from '../../testing/shop-handlers.ts';
import type { PeersOptions } from './options.ts';
import { createPeers } from './peers.ts';

const tea = { sku: 'TEA-GREEN' };
const stock = { item: undefined };

/** An instance that fails every call; its client's breaker is told to be patient. */
async function callDown(over: Partial<PeersOptions>): Promise<void> {
  await using mesh = disposable(createCabledMesh());
  const down = new MeshError('down', { status: 'UNAVAILABLE' });
  const handlers = inventory({ getStock: () => Promise.reject(down) });
  await mesh.start(InventoryServiceDefinition, handlers, { instanceId: 'inventory-1' });
  const peers = createPeers({ resolver: mesh.resolver, ...over });
  const stub = peers.client(InventoryServiceDefinition, {
    retry: { attempts: 1 },
    breaker: { minCalls: 100, consecutive: 100 },
  });
  for (let i = 0; i < 8; i++) await errorOf(stub.getStock(tea));
  await peers.close();
}

function disposable<T extends { close(): Promise<void> }>(it: T): T & AsyncDisposable {
  return Object.assign(it, { [Symbol.asyncDispose]: () => it.close() });
}

describe('what a balancer does', () => {
  test('is told to whoever asks, with the name of the destination', async () => {
    const told: (readonly [string, BalancerEvent])[] = [];
    await callDown({ onBalancer: (...news) => told.push(news) });
    expect(told[0]).toMatchObject([
      'inventory',
      { kind: 'ejected', endpoint: { instanceId: 'inventory-1' } },
    ]);
  });

  test('is logged when nobody asks', async () => {
    const lines: string[] = [];
    const log: Log = { ...silentLog, warn: (text) => lines.push(text) };
    await callDown({ log });
    expect(lines).toContain('endpoint ejected');
  });
});

describe('of a large target', () => {
  /** The instances that a process of this name uses. */
  async function usedBy(clientId: string, seed: number): Promise<string[]> {
    const { registry, resolver } = createMemoryDiscovery();
    for (const endpoint of fakeEndpoints('inventory', 100)) await registry.register(endpoint);
    const transport = createFakeTransport(() => stock);
    const random = createSeededRandom(seed);
    const peers = createPeers({ resolver, transport, random, clientId });
    await peers.client(InventoryServiceDefinition).getStock(tea);
    const [target] = peers.describe();
    await peers.close();
    return (target?.endpoints ?? []).map(({ instanceId }) => instanceId).sort();
  }

  test('a process uses 32 instances, the same ones after a restart, and not those of its neighbour', async () => {
    const before = await usedBy('orders-1', 1);
    expect(before).toHaveLength(32);
    expect(await usedBy('orders-1', 2)).toEqual(before);
    expect(await usedBy('orders-2', 1)).not.toEqual(before);
  });
});

describe('a destination without an endpoint', () => {
  const place = (service: string, failover: readonly number[] = []): Destination => ({
    ...{ name: service, service, matches: () => true, failover },
  });
  /** Calls are meant for "inventory", then for "spare", then for "far". */
  const plan: TrafficPlan = {
    destinations: [place('inventory', [1, 2]), place('spare'), place('far')],
    choose: () => 0,
  };

  function failingOver() {
    const listeners = new Map<string, (snapshot: Snapshot) => void>();
    const resolver: Resolver = {
      watch(service, listener) {
        listeners.set(service, listener);
        return { close: () => listeners.delete(service) };
      },
    };
    const transport = createFakeTransport(() => stock);
    const trafficSource: PeersOptions['trafficSource'] = {
      watch(_target, listener) {
        listener(plan);
        return { close: () => undefined };
      },
    };
    const peers = createPeers({ resolver, transport, trafficSource, waitForEndpointMs: 200 });
    const stub = peers.client(InventoryServiceDefinition);
    return {
      peers,
      stub,
      say(service: string, instances: number): void {
        const endpoints = fakeEndpoints(service, instances);
        listeners.get(service)?.({ service, endpoints, stale: false });
      },
      async asked(): Promise<string | undefined> {
        await stub.getStock(tea);
        return transport.arrivals.at(-1)?.endpoint.service;
      },
    };
  }

  test('is replaced by the first of its failovers that has one, until it has one itself', async () => {
    const { say, asked, peers } = failingOver();
    say('inventory', 0);
    say('spare', 0);
    say('far', 2);
    expect(await asked()).toBe('far');
    say('spare', 1);
    expect(await asked()).toBe('spare');
    say('inventory', 1);
    expect(await asked()).toBe('inventory');
    say('inventory', 0);
    expect(await asked()).toBe('spare');
    await peers.close();
  });

  test('waits for what is not known yet of its failovers, and is NO_ENDPOINT when none has any', async () => {
    const { say, stub, asked, peers } = failingOver();
    say('inventory', 0);
    say('spare', 0);
    const early = asked();
    say('far', 1);
    expect(await early).toBe('far');
    say('far', 0);
    const error = await errorOf(stub.getStock(tea));
    expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'NO_ENDPOINT' });
    expect(error.message).toContain('discovery answered');
    await peers.close();
  });
});
