import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import { systemClock } from '../../kernel/clock.ts';
import { currentContext, runInContext } from '../../kernel/context.ts';
import { deadlineIn, remainingMs } from '../../kernel/deadline.ts';
import type { MeshError } from '../../kernel/error.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory, orders } from '../../testing/shop-handlers.ts';
import type { HandlerContext } from '../server/implementation.ts';
import { createClient } from './client.ts';

let mesh: CabledMesh;
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(() => mesh.close());

const tea = { sku: 'TEA-GREEN' };

/** What handlers saw left of their deadlines, in ms. */
let leftMs: number[] = [];
/** Handlers that hang now or did. */
let hanging = 0;
/** Why handlers were ended. */
let ended: unknown[] = [];
beforeEach(() => {
  leftMs = [];
  hanging = 0;
  ended = [];
});

function note({ deadline }: HandlerContext): void {
  leftMs.push(deadline === undefined ? Number.NaN : remainingMs(deadline, systemClock));
}

/** Never answers; ends when its call does. */
function hang({ signal }: HandlerContext): Promise<never> {
  hanging++;
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      ended.push((signal.reason as MeshError).status);
      reject(signal.reason as Error);
    });
  });
}

function notingInventory() {
  return inventory({
    getStock(_request, context) {
      note(context);
      return Promise.resolve({ item: undefined });
    },
    reserve: (_request, context) => hang(context),
  });
}

describe('the deadline of a call', () => {
  test('is always there: two seconds, or what the schema says', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    await stub.getStock(tea);
    await using slow = createClient(InventoryServiceDefinition, { ...mesh, timeoutMs: 7000 });
    await slow.getStock(tea);
    expect(leftMs[0]).toBeGreaterThan(1500);
    expect(leftMs[0]).toBeLessThanOrEqual(2001);
    expect(leftMs[1]).toBeGreaterThan(6500);

    const handlers = orders({
      placeOrder(_request, context) {
        note(context);
        return Promise.resolve({ order: undefined });
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using shop = createClient(OrdersServiceDefinition, { ...mesh, timeoutMs: 100 });
    const lines = [{ sku: 'TEA-GREEN', quantity: 1 }];
    const order = { idempotencyKey: 'key-00001', customerId: 'c1', lines, cardToken: 'tok_visa' };
    await shop.placeOrder(order);
    expect(leftMs[2]).toBeGreaterThan(4500);
  });

  test('may be set for one call', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    await stub.getStock(tea, { timeoutMs: 500 });
    expect(leftMs[0]).toBeLessThanOrEqual(501);
    const error = await errorOf(
      stub.reserve({ orderId: 'o1', lines: [{ ...tea, quantity: 1 }] }, { timeoutMs: 50 }),
    );
    expect(error.status).toBe('DEADLINE_EXCEEDED');
    expect(error.message).toContain('InventoryService/Reserve');
    await eventually(() => ended.length === 1);
  });

  test('never exceeds what the caller itself has left', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const deadline = deadlineIn(300, systemClock);
    await runInContext({ deadline }, () => stub.getStock(tea, { timeoutMs: 60_000 }));
    expect(leftMs[0]).toBeLessThanOrEqual(296);
  });

  test('a call that is of no use any more is not made', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const deadline = deadlineIn(3, systemClock);
    const error = await errorOf(runInContext({ deadline }, () => stub.getStock(tea)));
    expect(error).toMatchObject({ status: 'DEADLINE_EXCEEDED', reason: 'EXPIRED_BEFORE_CALL' });
    expect(error.message).toContain('the call that it is part of leaves it no time');
    expect(leftMs).toEqual([]);
  });

  test('travels through a handler to the calls that it makes, and shrinks on the way', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using inner = createClient(InventoryServiceDefinition, mesh);
    const handlers = orders({
      async getOrder(_request, context) {
        note(context);
        await inner.getStock(tea);
        return { order: undefined };
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using outer = createClient(OrdersServiceDefinition, mesh);
    await outer.getOrder({ orderId: 'ord_1' }, { timeoutMs: 900 });
    const [parent = 0, child = 0] = leftMs;
    expect(parent).toBeLessThanOrEqual(901);
    expect(child).toBeLessThanOrEqual(parent - 4);
    expect(child).toBeGreaterThan(500);
  });
});

describe('giving a call up', () => {
  test('ends it at once, here and in the handler', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const caller = new AbortController();
    const lines = [{ ...tea, quantity: 1 }];
    const call = errorOf(stub.reserve({ orderId: 'o1', lines }, { signal: caller.signal }));
    await eventually(() => hanging === 1);
    caller.abort();
    expect(await call).toMatchObject({ status: 'CANCELLED' });
    await eventually(() => ended.includes('CANCELLED'));
  });

  test('travels downstream: the caller of a caller leaves, and all work for it ends', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using inner = createClient(InventoryServiceDefinition, mesh);
    const handlers = orders({
      async getOrder() {
        await inner.reserve({ orderId: 'o1', lines: [{ ...tea, quantity: 1 }] });
        return { order: undefined };
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using outer = createClient(OrdersServiceDefinition, mesh);
    const caller = new AbortController();
    const call = errorOf(outer.getOrder({ orderId: 'ord_1' }, { signal: caller.signal }));
    await eventually(() => hanging === 1);
    caller.abort();
    expect((await call).status).toBe('CANCELLED');
    await eventually(() => ended.includes('CANCELLED'));
  });

  test('before the call, nothing is sent; a reason of its own is kept', async () => {
    await mesh.start(InventoryServiceDefinition, notingInventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const signal = AbortSignal.abort(new Error('changed my mind'));
    const error = await errorOf(stub.getStock(tea, { signal }));
    expect(error.status).toBe('CANCELLED');
    expect(error.cause).toMatchObject({ message: 'changed my mind' });
    const timed = AbortSignal.timeout(5);
    await eventually(() => timed.aborted);
    expect((await errorOf(stub.getStock(tea, { signal: timed }))).status).toBe('DEADLINE_EXCEEDED');
    expect(leftMs).toEqual([]);
  });

  test('the context of a handler is what its calls inherit, wherever they are made', async () => {
    const seen: unknown[] = [];
    const handlers = inventory({
      async getStock(_request, { signal }) {
        await new Promise(setImmediate);
        seen.push(currentContext().signal === signal);
        return { item: undefined };
      },
    });
    await mesh.start(InventoryServiceDefinition, handlers);
    await using stub = createClient(InventoryServiceDefinition, mesh);
    await stub.getStock(tea);
    expect(seen).toEqual([true]);
  });
});

describe('the silence of a stream', () => {
  /** The definition with an idle time-out of 80 ms on WatchOrder: option 50801, field 3. */
  const definition = {
    ...OrdersServiceDefinition,
    methods: {
      ...OrdersServiceDefinition.methods,
      watchOrder: {
        ...OrdersServiceDefinition.methods.watchOrder,
        options: { _unknownFields: { [(50801 << 3) | 2]: [new Uint8Array([2, 0x18, 80])] } },
      },
    },
  } as const;

  test('ends it, when the schema bounds it', async () => {
    const handlers = orders({
      async *watchOrder(_request, context) {
        yield { order: undefined };
        await hang(context);
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(definition, mesh);
    const messages = stub.watchOrder({ orderId: 'ord_1' })[Symbol.asyncIterator]();
    await messages.next();
    const error = await errorOf(messages.next());
    expect(error).toMatchObject({ status: 'DEADLINE_EXCEEDED', reason: 'STREAM_IDLE' });
    expect(error.message).toContain('80 ms without a message');
    await eventually(() => ended.length === 1);
  });

  test('is not the time that its reader takes', async () => {
    const handlers = orders({
      async *watchOrder() {
        for (let i = 0; i < 3; i++) yield await Promise.resolve({ order: undefined });
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(definition, mesh);
    const read = [];
    for await (const message of stub.watchOrder({ orderId: 'ord_1' })) {
      read.push(message);
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    expect(read).toHaveLength(3);
  });
});
