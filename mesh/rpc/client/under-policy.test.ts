import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition, WatchOrderResponse } from '../../../gen/shop/orders/v1/orders.ts';
import type { Call } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import {
  ConsecutiveBreaker,
  ConstantBackoff,
  circuitBreaker,
  handleAll,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from '../../resilience/policies.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory, orders } from '../../testing/shop-handlers.ts';
import { createClient } from './client.ts';

let mesh: CabledMesh;
let attempts = 0;
let ended = 0;
beforeEach(() => {
  mesh = createCabledMesh();
  attempts = 0;
  ended = 0;
});
afterEach(() => mesh.close());

const tea = { sku: 'TEA-GREEN' };
const internal = new MeshError('broken', { status: 'INTERNAL' });

/** Fails until the attempt that is told; weft itself does not repeat INTERNAL. */
function brokenUntil(attempt: number) {
  return inventory({
    getStock: () =>
      ++attempts < attempt ? Promise.reject(internal) : Promise.resolve({ item: undefined }),
  });
}

const hanging = inventory({
  getStock: (_request, { signal }) => {
    attempts++;
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        ended++;
        reject(signal.reason as Error);
      });
    });
  },
});

const again = retry(handleAll, { maxAttempts: 3, backoff: new ConstantBackoff(1) });

describe('a policy of cockatiel around a stub', () => {
  test('repeats what weft does not, for all methods or for one', async () => {
    await mesh.start(InventoryServiceDefinition, brokenUntil(3));
    await using all = createClient(InventoryServiceDefinition, { ...mesh, policy: again });
    await expect(all.getStock(tea)).resolves.toEqual({ item: undefined });
    expect(attempts).toBe(3);
    attempts = 0;
    await using one = createClient(InventoryServiceDefinition, {
      ...mesh,
      policy: { getStock: again },
    });
    await one.getStock(tea);
    expect(attempts).toBe(3);
    attempts = 0;
    await using other = createClient(InventoryServiceDefinition, {
      ...mesh,
      policy: { reserve: again },
    });
    expect((await errorOf(other.getStock(tea))).status).toBe('INTERNAL');
    expect(attempts).toBe(1);
  });

  test('ends an attempt by its signal, and its own errors are MeshErrors', async () => {
    await mesh.start(InventoryServiceDefinition, hanging);
    await using stub = createClient(InventoryServiceDefinition, {
      ...mesh,
      // Long enough for a connection to be made: the handler is to see the call.
      policy: timeout(500, TimeoutStrategy.Aggressive),
    });
    const error = await errorOf(stub.getStock(tea));
    expect(error).toMatchObject({ status: 'DEADLINE_EXCEEDED', reason: 'POLICY_TIMEOUT' });
    await eventually(() => ended === attempts);
    expect(attempts).toBe(1);
    const breaker = circuitBreaker(handleAll, {
      halfOpenAfter: 60_000,
      breaker: new ConsecutiveBreaker(1),
    });
    await using broken = createClient(InventoryServiceDefinition, {
      ...mesh,
      policy: wrap(breaker, timeout(20, TimeoutStrategy.Aggressive)),
    });
    await errorOf(broken.getStock(tea));
    const refused = await errorOf(broken.getStock(tea));
    expect(refused).toMatchObject({ status: 'UNAVAILABLE', reason: 'POLICY_BREAKER_OPEN' });
  });

  test('never outlasts the deadline, nor its caller', async () => {
    await mesh.start(InventoryServiceDefinition, brokenUntil(1e9));
    const endless = { maxAttempts: 100, backoff: new ConstantBackoff(5_000) };
    const slow = retry(handleAll, endless).dangerouslyUnref();
    await using stub = createClient(InventoryServiceDefinition, { ...mesh, policy: slow });
    const late = await errorOf(stub.getStock(tea, { timeoutMs: 60 }));
    expect(late).toMatchObject({ status: 'DEADLINE_EXCEEDED', reason: 'POLICY_TIMEOUT' });
    const controller = new AbortController();
    const left = errorOf(stub.getStock(tea, { signal: controller.signal }));
    await eventually(() => attempts === 2);
    controller.abort();
    expect((await left).status).toBe('CANCELLED');
  });

  test('stands outside of the breaker: what it repeats is counted, and refused', async () => {
    await mesh.start(InventoryServiceDefinition, brokenUntil(1e9));
    const often = retry(handleAll, { maxAttempts: 50, backoff: new ConstantBackoff(1) });
    await using stub = createClient(InventoryServiceDefinition, { ...mesh, policy: often });
    expect((await errorOf(stub.getStock(tea))).reason).toBe('BREAKER_OPEN');
    expect(attempts).toBeLessThan(10);
  });

  test('of a stream sees the time until the first message, and no more', async () => {
    const handlers = orders({
      async *watchOrder({ orderId }) {
        if (++attempts < 3) throw internal;
        yield WatchOrderResponse.create({ order: { orderId, status: 1 } });
        await new Promise((resolve) => setTimeout(resolve, 500));
        yield WatchOrderResponse.create({ order: { orderId, status: 2 } });
        throw internal;
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    const policy = wrap(again, timeout(400, TimeoutStrategy.Aggressive));
    await using stub = createClient(OrdersServiceDefinition, { ...mesh, policy });
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const { order } of stub.watchOrder({ orderId: 'o' })) seen.push(order?.status);
    };
    expect((await errorOf(read())).status).toBe('INTERNAL');
    expect(seen).toEqual([1, 2]);
    expect(attempts).toBe(3);
  });
});

describe('layers of the user', () => {
  test('stand around each call, outermost first, and may change what they pass on', async () => {
    const seen: unknown[] = [];
    const handlers = inventory({
      getStock(_request, { metadata }) {
        seen.push(metadata['tenant']);
        return Promise.resolve({ item: undefined });
      },
    });
    await mesh.start(InventoryServiceDefinition, handlers);
    const note =
      (name: string) =>
      (next: Call): Call =>
      async (request, context) => {
        seen.push(`${name} in`);
        const response = await next(request, { ...context, metadata: { tenant: name } });
        seen.push(`${name} out`);
        return response;
      };
    await using stub = createClient(InventoryServiceDefinition, {
      ...mesh,
      layers: [{ call: note('a') }, { call: note('b') }],
    });
    await stub.getStock(tea);
    expect(seen).toEqual(['a in', 'b in', 'b', 'b out', 'a out']);
  });
});
