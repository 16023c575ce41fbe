import { describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition, WatchOrderResponse } from '../../../gen/shop/orders/v1/orders.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Status } from '../../kernel/status.ts';
import { errorOf } from '../../testing/error-of.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import {
  createFakeTransport,
  type FakeArrival,
  fakeEndpoints,
} from '../../testing/fake-transport.ts';
import { closeClient, createClient, type Substitute } from './client.ts';

const tea = { sku: 'TEA-GREEN' };
const stockOf = (available: bigint) => ({
  item: { sku: 'TEA-GREEN', available, reserved: 0n, unitPrice: undefined },
});
const failing = (status: Status, reason?: string) =>
  new MeshError('no', { status, ...(reason !== undefined && { reason }) });

/** What the target does with each attempt; a test changes it on the way. */
let answer: (arrival: FakeArrival) => unknown = () => stockOf(3n);
let messages: (arrival: FakeArrival) => AsyncIterable<unknown>;

async function ports(service: string) {
  const { registry, resolver } = createMemoryDiscovery();
  for (const endpoint of fakeEndpoints(service, 2)) await registry.register(endpoint);
  const clock = createFakeClock();
  const transport = createFakeTransport(
    (arrival) => answer(arrival),
    (arrival) => messages(arrival),
  );
  return {
    resolver,
    transport,
    clock,
    retry: { attempts: 1 },
    breaker: { minCalls: 1e6, consecutive: 1e6 },
  };
}

async function* stream(statuses: readonly (1 | 2 | 4)[], end?: MeshError) {
  for (const status of statuses) {
    yield await Promise.resolve(WatchOrderResponse.create({ order: { orderId: 'o', status } }));
  }
  if (end !== undefined) throw end;
}

async function statusesOf(watch: AsyncIterable<WatchOrderResponse>) {
  const seen = [];
  for await (const { order } of watch) seen.push(order?.status);
  return seen;
}

describe('a fallback', () => {
  test('is a value or is made for the request, and the caller may see that it is one', async () => {
    answer = () => Promise.reject(failing('UNAVAILABLE'));
    const options = await ports('inventory');
    const fixed = createClient(InventoryServiceDefinition, {
      ...options,
      fallback: { getStock: stockOf(0n) },
    });
    const told: Substitute[] = [];
    const onFallback = (substitute: Substitute) => told.push(substitute);
    await expect(fixed.getStock(tea, { onFallback })).resolves.toEqual(stockOf(0n));
    expect(told).toMatchObject([
      { source: 'fallback', error: { status: 'UNAVAILABLE' }, ageMs: 0 },
    ]);
    const made = createClient(InventoryServiceDefinition, {
      ...options,
      fallback: {
        getStock: (error, { sku }) => ({
          item: {
            sku: `${sku} ${error.status}`,
            available: 0n,
            reserved: 0n,
            unitPrice: undefined,
          },
        }),
      },
    });
    expect((await made.getStock(tea)).item?.sku).toBe('TEA-GREEN UNAVAILABLE');
    await closeClient(fixed);
    await closeClient(made);
  });

  test('stands in for what the target did wrong, never for what its caller did', async () => {
    const options = await ports('inventory');
    const stub = createClient(InventoryServiceDefinition, {
      ...options,
      fallback: { getStock: stockOf(0n) },
    });
    const replaced = async (error: MeshError): Promise<boolean> => {
      answer = () => Promise.reject(error);
      return stub.getStock(tea).then(
        () => true,
        () => false,
      );
    };
    for (const status of ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'DATA_LOSS'] as const) {
      expect(await replaced(failing(status))).toBe(true);
    }
    expect(await replaced(failing('UNAVAILABLE', 'BREAKER_OPEN'))).toBe(true);
    expect(await replaced(failing('RESOURCE_EXHAUSTED', 'BULKHEAD_FULL'))).toBe(true);
    for (const status of ['NOT_FOUND', 'INVALID_ARGUMENT', 'CANCELLED', 'ABORTED'] as const) {
      expect(await replaced(failing(status))).toBe(false);
    }
    expect(await replaced(failing('RESOURCE_EXHAUSTED', 'REQUEST_TOO_LARGE'))).toBe(false);
    expect(await replaced(failing('UNKNOWN', 'OUT_OF_TEA'))).toBe(false);
    await closeClient(stub);
  });

  test('of a stream takes its place as long as no message has come', async () => {
    const options = await ports('orders');
    const late = WatchOrderResponse.create({ order: { orderId: 'o', status: 1 } });
    const stub = createClient(OrdersServiceDefinition, {
      ...options,
      fallback: { watchOrder: [late] },
    });
    messages = () => stream([], failing('UNAVAILABLE'));
    expect(await statusesOf(stub.watchOrder({ orderId: 'o' }))).toEqual([1]);
    messages = () => stream([1, 2], failing('UNAVAILABLE'));
    const cut = await errorOf(statusesOf(stub.watchOrder({ orderId: 'o' })));
    expect(cut.status).toBe('UNAVAILABLE');
    messages = () => stream([], failing('NOT_FOUND'));
    expect((await errorOf(statusesOf(stub.watchOrder({ orderId: 'o' })))).status).toBe('NOT_FOUND');
    await closeClient(stub);
  });
});

describe('the last answer', () => {
  test('is given for the same request, as long as it is young enough', async () => {
    const options = await ports('inventory');
    const stub = createClient(InventoryServiceDefinition, {
      ...options,
      lastAnswer: { getStock: { maxAgeMs: 1000 } },
      fallback: { getStock: stockOf(0n) },
    });
    answer = () => stockOf(3n);
    await stub.getStock(tea);
    options.clock.advance(400);
    answer = () => Promise.reject(failing('UNAVAILABLE'));
    const told: Substitute[] = [];
    const onFallback = (substitute: Substitute) => told.push(substitute);
    await expect(stub.getStock(tea, { onFallback })).resolves.toEqual(stockOf(3n));
    await expect(stub.getStock({ sku: 'MUG' }, { onFallback })).resolves.toEqual(stockOf(0n));
    options.clock.advance(700);
    await expect(stub.getStock(tea, { onFallback })).resolves.toEqual(stockOf(0n));
    expect(told.map(({ source, ageMs }) => [source, ageMs])).toEqual([
      ['last answer', 400],
      ['fallback', 0],
      ['fallback', 0],
    ]);
    await closeClient(stub);
  });

  test('is kept of so many questions, and of what counts as the same one', async () => {
    const options = await ports('inventory');
    const stub = createClient(InventoryServiceDefinition, {
      ...options,
      lastAnswer: {
        getStock: { maxAgeMs: 1000, maxEntries: 2, key: ({ sku }) => sku.slice(0, 1) },
      },
    });
    answer = () => stockOf(3n);
    for (const sku of ['A1', 'B1', 'C1']) await stub.getStock({ sku });
    answer = () => Promise.reject(failing('UNAVAILABLE'));
    await expect(stub.getStock({ sku: 'B2' })).resolves.toEqual(stockOf(3n));
    await expect(stub.getStock({ sku: 'C2' })).resolves.toEqual(stockOf(3n));
    expect((await errorOf(stub.getStock({ sku: 'A2' }))).status).toBe('UNAVAILABLE');
    await closeClient(stub);
  });

  test('of a stream is all of its messages, if it ended well and was short', async () => {
    const options = await ports('orders');
    const stub = createClient(OrdersServiceDefinition, {
      ...options,
      lastAnswer: { watchOrder: { maxAgeMs: 1000, maxMessages: 2 } },
    });
    messages = () => stream([1, 2]);
    await statusesOf(stub.watchOrder({ orderId: 'short' }));
    messages = () => stream([1, 2, 4]);
    await statusesOf(stub.watchOrder({ orderId: 'long' }));
    messages = () => stream([], failing('UNAVAILABLE'));
    expect(await statusesOf(stub.watchOrder({ orderId: 'short' }))).toEqual([1, 2]);
    const long = await errorOf(statusesOf(stub.watchOrder({ orderId: 'long' })));
    expect(long.status).toBe('UNAVAILABLE');
    await closeClient(stub);
  });
});
