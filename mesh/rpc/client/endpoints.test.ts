import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import type { Resolver, Snapshot } from '../../discovery/resolver.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory, orders } from '../../testing/shop-handlers.ts';
import { closeClient, createClient } from './client.ts';

let mesh: CabledMesh;
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(() => mesh.close());

const tea = { sku: 'TEA-GREEN' };

/** A discovery that says what a test tells it to, when it is told. */
function scripted(): {
  resolver: Resolver;
  say(snapshot: Partial<Snapshot>): void;
  watches: number;
} {
  const listeners = new Set<(snapshot: Snapshot) => void>();
  return {
    resolver: {
      watch(_service, listener) {
        listeners.add(listener);
        return { close: () => listeners.delete(listener) };
      },
    },
    say(snapshot) {
      const whole = { service: 'inventory', endpoints: [], stale: false, ...snapshot };
      for (const listener of listeners) listener(whole);
    },
    get watches() {
      return listeners.size;
    },
  };
}

describe('without an endpoint', () => {
  test('a call says so, and what to do', async () => {
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const error = await errorOf(stub.getStock(tea));
    expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'NO_ENDPOINT' });
    expect(error.message).toBe(
      '[unavailable] inventory: no endpoint (0 known; discovery answered) - try: weft ps inventory',
    );
  });

  test('a call waits for the first answer of discovery', async () => {
    const discovery = scripted();
    const { endpoint } = await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, discovery);
    const call = stub.getStock(tea);
    setTimeout(() => {
      discovery.say({ endpoints: [endpoint] });
    }, 50);
    expect((await call).item?.sku).toBe('TEA-GREEN');
  });

  test('but not for long, nor after its caller has left', async () => {
    const discovery = scripted();
    await using stub = createClient(InventoryServiceDefinition, {
      ...discovery,
      waitForEndpointMs: 40,
    });
    const error = await errorOf(stub.getStock(tea));
    expect(error.message).toContain('discovery has not answered within 40 ms');
    const caller = new AbortController();
    const call = errorOf(stub.getStock(tea, { signal: caller.signal }));
    caller.abort();
    expect((await call).status).toBe('CANCELLED');
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  });

  test('an outage of discovery is told from an empty answer', async () => {
    const discovery = scripted();
    await using stub = createClient(InventoryServiceDefinition, discovery);
    discovery.say({ stale: true });
    const error = await errorOf(stub.getStock(tea));
    expect(error.message).toContain('discovery cannot be reached, this is its last answer');
  });

  test('nobody is to blame: the breaker stays closed, and the first endpoint is used at once', async () => {
    await using stub = createClient(InventoryServiceDefinition, mesh);
    for (let i = 0; i < 20; i++) await errorOf(stub.getStock(tea));
    await mesh.start(InventoryServiceDefinition, inventory());
    await eventually(() => stub.getStock(tea), { withinMs: 500 });
  });

  test('a closed client watches discovery no more', async () => {
    const discovery = scripted();
    const stub = createClient(InventoryServiceDefinition, discovery);
    expect(discovery.watches).toBe(1);
    await closeClient(stub);
    expect(discovery.watches).toBe(0);
  });
});

describe('a change of discovery', () => {
  test('moves traffic, and closes the connection that is left when its calls have ended', async () => {
    const finish = Promise.withResolvers<void>();
    const seen: string[] = [];
    const by = (name: string) =>
      orders({
        getOrder: async ({ orderId }) => {
          seen.push(name);
          if (orderId === 'slow') await finish.promise;
          return { order: undefined };
        },
      });
    const first = await mesh.start(OrdersServiceDefinition, by('first'));
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const slow = stub.getOrder({ orderId: 'slow' });
    await eventually(() => seen.length === 1);
    await mesh.start(OrdersServiceDefinition, by('second'));
    await first.leave();
    for (let i = 0; i < 20; i++) await stub.getOrder({ orderId: 'fast' });
    expect(seen).toEqual(['first', ...Array.from({ length: 20 }, () => 'second')]);
    expect(first.cable.connections).toBe(1);
    finish.resolve();
    await slow;
    await eventually(() => first.cable.connections === 0);
  });

  test('a stream stays where it is until it ends', async () => {
    const next = Promise.withResolvers<void>();
    const handlers = orders({
      async *watchOrder() {
        yield { order: undefined };
        await next.promise;
        yield { order: undefined };
      },
    });
    const { leave } = await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const messages = stub.watchOrder({ orderId: 'ord_1' })[Symbol.asyncIterator]();
    await messages.next();
    await leave();
    next.resolve();
    expect((await messages.next()).done).toBe(false);
    expect((await messages.next()).done).toBe(true);
  });
});

describe('the breaker of a target', () => {
  test('opens, refuses at once with the time left, lets one call try, and closes', async () => {
    let down = true;
    let calls = 0;
    const handlers = inventory({
      getStock: () => {
        calls++;
        if (down) return Promise.reject(new MeshError('down', { status: 'UNAVAILABLE' }));
        return Promise.resolve({ item: undefined });
      },
    });
    await mesh.start(InventoryServiceDefinition, handlers);
    const lines: string[] = [];
    const note = (message: string): void => {
      lines.push(message);
    };
    const log: Log = { ...silentLog, info: note, warn: note };
    await using stub = createClient(InventoryServiceDefinition, {
      ...mesh,
      log,
      breaker: { openMs: 300 },
    });
    for (let i = 0; i < 5; i++) await errorOf(stub.getStock(tea));
    const before = calls;
    await eventually(async () => (await errorOf(stub.getStock(tea))).reason === 'BREAKER_OPEN');
    const refused = await errorOf(stub.getStock(tea));
    expect(refused.details.retryAfterMs).toBeGreaterThan(50);
    expect(calls - before).toBeLessThan(3);

    down = false;
    const seen = calls;
    await new Promise((resolve) => setTimeout(resolve, 400));
    const both = await Promise.allSettled([stub.getStock(tea), stub.getStock(tea)]);
    expect(both.map((each) => each.status)).toEqual(['fulfilled', 'rejected']);
    expect(calls - seen).toBe(1);
    await stub.getStock(tea);
    const ofBreaker = lines.filter((line) => line.startsWith('breaker'));
    expect(ofBreaker).toEqual(['breaker opened', 'breaker probes', 'breaker closed']);
    expect(lines).toContain('endpoint ejected');
  });

  test('stays closed for the mistakes of callers', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    for (let i = 0; i < 20; i++) await errorOf(stub.getStock({ sku: '' }));
    await stub.getStock(tea);
  });
});

describe('ten thousand calls on one signal', () => {
  test('leave no listener behind, nor do calls that fail or end early', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, { ...mesh, timeoutMs: 20_000 });
    const { signal } = new AbortController();
    let most = 0;
    const run = async (calls: number): Promise<void> => {
      for (let i = 0; i < calls; i++) {
        const call = stub.getStock({ sku: i % 10 === 0 ? '' : 'TEA' }, { signal });
        await call.catch(() => undefined);
        most = Math.max(most, getEventListeners(signal, 'abort').length);
      }
    };
    await Promise.all(Array.from({ length: 50 }, () => run(200)));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    // One for each call in flight, in one of its states.
    expect(most).toBeLessThanOrEqual(50);
  });
});
