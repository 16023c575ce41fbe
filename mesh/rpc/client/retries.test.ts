import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import { MeshError } from '../../kernel/error.ts';
import type { ServiceDefinition } from '../../schema/definition.ts';
import { createSpanRing } from '../../telemetry/spans.ts';
import {
  type CabledInstance,
  type CabledMesh,
  createCabledMesh,
} from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory, orders } from '../../testing/shop-handlers.ts';
import { createClient } from './client.ts';

let mesh: CabledMesh;
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(() => mesh.close());

const tea = { sku: 'TEA-GREEN' };
const unavailable = (text = 'not now'): MeshError => new MeshError(text, { status: 'UNAVAILABLE' });

/** The same service, but for a schema that marks nothing as idempotent. */
const unmarked = {
  ...InventoryServiceDefinition,
  methods: {
    ...InventoryServiceDefinition.methods,
    reserve: { ...InventoryServiceDefinition.methods.reserve, options: {} },
    getStock: { ...InventoryServiceDefinition.methods.getStock, options: {} },
  },
} as const satisfies ServiceDefinition;

/** Starts inventories that count their calls by instance. */
async function startThree(
  getStock: (attempt: number, instance: number) => Promise<void> = () => Promise.resolve(),
): Promise<{ instances: CabledInstance[]; calls: number[] }> {
  const calls = [0, 0, 0];
  const instances = await Promise.all(
    calls.map((_, i) =>
      mesh.start(
        InventoryServiceDefinition,
        inventory({
          async getStock({ sku }, context) {
            calls[i] = (calls[i] ?? 0) + 1;
            await getStock(context.attempt, i);
            return { item: { sku, available: 1n, reserved: 0n, unitPrice: undefined } };
          },
        }),
        { instanceId: `inventory-${String(i)}` },
      ),
    ),
  );
  return { instances, calls };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('an idempotent call', () => {
  test('is tried on another instance when one fails', async () => {
    const failedBy: number[] = [];
    await startThree((attempt, instance) => {
      if (attempt < 3) {
        failedBy.push(instance);
        return Promise.reject(unavailable());
      }
      failedBy.push(instance);
      return Promise.resolve();
    });
    const spans = createSpanRing(8);
    await using stub = createClient(InventoryServiceDefinition, { ...mesh, spans });
    for (let i = 0; i < 5; i++) {
      failedBy.length = 0;
      await stub.getStock(tea);
      expect(new Set(failedBy).size).toBe(3);
    }
  });

  test('tells the handler and the error which attempt it is', async () => {
    const { calls } = await startThree(() => Promise.reject(unavailable()));
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const error = await errorOf(stub.getStock(tea));
    expect(error.message).toMatch(/GetStock at 127\.0\.0\.1:\d+ \(attempt 3\): not now$/);
    expect(error.details.facts).toMatchObject({ attempts: '3', method: 'GetStock' });
    expect(sum(calls)).toBe(3);
  });

  test('survives the death of one of three instances without one failed call', async () => {
    const { instances, calls } = await startThree(
      () => new Promise((resolve) => setTimeout(resolve, 2)),
    );
    await using stub = createClient(InventoryServiceDefinition, mesh);
    let failures = 0;
    let done = 0;
    const run = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        await stub.getStock(tea).catch(() => failures++);
        done++;
      }
    };
    const runs = Array.from({ length: 8 }, run);
    await eventually(() => done > 200);
    await instances[1]?.cable.cut();
    // What was on its way when the cable was cut may still arrive; nothing comes after that.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const seen = calls[1];
    await Promise.all(runs);
    expect(failures).toBe(0);
    expect(calls[1]).toBe(seen);
    expect(done).toBe(800);
  });

  test('waits as long as the server asks, and not at all when it asks for no retry', async () => {
    const times: number[] = [];
    await mesh.start(
      InventoryServiceDefinition,
      inventory({
        getStock({ sku }, { attempt }) {
          times.push(performance.now());
          if (attempt > 1) return Promise.resolve({ item: undefined });
          const retryAfterMs = sku === 'never' ? Number.POSITIVE_INFINITY : 150;
          const details = { retryAfterMs };
          return Promise.reject(new MeshError('busy', { status: 'UNAVAILABLE', details }));
        },
      }),
    );
    await using stub = createClient(InventoryServiceDefinition, mesh);
    await stub.getStock(tea);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(145);
    await errorOf(stub.getStock({ sku: 'never' }));
    expect(times).toHaveLength(3);
  });

  test('an answer is not repeated', async () => {
    const { calls } = await startThree(() =>
      Promise.reject(new MeshError('no such article', { status: 'NOT_FOUND' })),
    );
    await using stub = createClient(InventoryServiceDefinition, mesh);
    await errorOf(stub.getStock(tea));
    expect(sum(calls)).toBe(1);
  });

  test('a budget bounds what retries add when everything fails', async () => {
    const { calls } = await startThree(() => Promise.reject(unavailable()));
    await using stub = createClient(InventoryServiceDefinition, {
      ...mesh,
      breaker: { minCalls: 1e9, consecutive: 1e9 },
      retry: { budget: { perSecond: 1 } },
    });
    const failures = Array.from({ length: 200 }, () => errorOf(stub.getStock(tea)));
    await Promise.all(failures);
    // 200 calls, a fifth of them again, and one a second over ten seconds.
    expect(sum(calls)).toBe(200 + 40 + 10);
  });
});

describe('a call that is not marked idempotent', () => {
  test('is never doubled: a handler may have done its work', async () => {
    const { calls } = await startThree(() => Promise.reject(unavailable()));
    await using stub = createClient(unmarked, mesh);
    for (let i = 0; i < 5; i++) await errorOf(stub.getStock(tea));
    expect(sum(calls)).toBe(5);
  });

  test('is never doubled when its connection breaks under way', async () => {
    let calls = 0;
    const begun = Promise.withResolvers<void>();
    const { cable } = await mesh.start(
      InventoryServiceDefinition,
      inventory({
        reserve: () => {
          calls++;
          begun.resolve();
          return new Promise(() => undefined);
        },
      }),
    );
    await mesh.start(
      InventoryServiceDefinition,
      inventory({
        reserve: () => {
          calls++;
          return Promise.resolve({ outcome: 1, sku: '', total: undefined });
        },
      }),
    );
    await using stub = createClient(unmarked, mesh);
    // Both instances get a call; the one that hangs is cut off.
    const request = { orderId: 'o1', lines: [{ ...tea, quantity: 1 }] };
    const both = [1, 2].map(() => stub.reserve(request).catch((thrown: unknown) => thrown));
    await begun.promise;
    await eventually(() => calls === 2);
    await cable.cut();
    const outcomes = await Promise.all(both);
    expect(outcomes.filter((each) => each instanceof MeshError)).toMatchObject([
      { status: 'UNAVAILABLE' },
    ]);
    expect(calls).toBe(2);
  });

  test('goes to another instance at once when nothing listens: no handler has seen it', async () => {
    const { instances, calls } = await startThree();
    await instances[0]?.cable.cut();
    await instances[1]?.cable.cut();
    await using stub = createClient(unmarked, mesh);
    for (let i = 0; i < 20; i++) await stub.getStock(tea);
    expect(calls).toEqual([0, 0, 20]);
  });

  test('goes to another instance when one says that it is shutting down', async () => {
    const { instances, calls } = await startThree();
    await using stub = createClient(unmarked, mesh);
    for (let i = 0; i < 30; i++) await stub.getStock(tea);
    const drained = instances[0]?.server.drain({ graceMs: 500 });
    const before = calls[0];
    for (let i = 0; i < 60; i++) await stub.getStock(tea);
    await drained;
    for (let i = 0; i < 10; i++) await stub.getStock(tea);
    expect(calls[0]).toBe(before);
    expect(sum(calls)).toBe(100);
  });

  test('a rolling restart under load fails no call', async () => {
    const { instances, calls } = await startThree(
      () => new Promise((resolve) => setTimeout(resolve, 3)),
    );
    await using stub = createClient(unmarked, mesh);
    let stop = false;
    const failures: unknown[] = [];
    let made = 0;
    const run = async (): Promise<void> => {
      while (!stop) {
        made++;
        await stub.getStock(tea).catch((thrown: unknown) => failures.push(thrown));
      }
    };
    const runs = Array.from({ length: 8 }, run);
    for (const instance of instances.slice(0, 2)) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await instance.leave();
      await instance.server.drain({ graceMs: 2000 });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop = true;
    await Promise.all(runs);
    expect(failures).toEqual([]);
    expect(sum(calls)).toBe(made);
  });

  test('its caller is not told that it never reached a handler, nor that the server drains', async () => {
    const { cable } = await mesh.start(InventoryServiceDefinition, inventory());
    await cable.cut();
    await using stub = createClient(unmarked, { ...mesh, retry: { attempts: 2 } });
    const error = await errorOf(stub.getStock(tea));
    expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'ENDPOINT_UNREACHED' });
    expect(error.constructor).toBe(MeshError);
    expect(error.message).toContain('(attempt 2): no connection: connect ECONNREFUSED');

    await using other = createClient(OrdersServiceDefinition, mesh);
    const draining = new MeshError('draining', { status: 'UNAVAILABLE', reason: 'DRAINING' });
    await mesh.start(OrdersServiceDefinition, orders({ getOrder: () => Promise.reject(draining) }));
    const passedOn = await errorOf(other.getOrder({ orderId: 'ord_1' }));
    expect(passedOn.reason).toBe('ENDPOINT_DRAINING');
  });
});

describe('a host that says nothing', () => {
  test('does not use up the deadline of a call that another can serve', async () => {
    const { instances } = await startThree();
    for (const instance of instances.slice(0, 2)) instance.cable.freeze();
    await using stub = createClient(InventoryServiceDefinition, { ...mesh, timeoutMs: 5000 });
    const began = performance.now();
    await stub.getStock(tea);
    expect(performance.now() - began).toBeLessThan(2900);
  });
});
