import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition, WatchOrderResponse } from '../../../gen/shop/orders/v1/orders.ts';
import {
  PickOrdersRequest,
  WarehouseServiceDefinition,
} from '../../../gen/shop/warehouse/v1/warehouse.ts';
import { MeshError } from '../../kernel/error.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { countOf, firstOf } from '../../testing/iterables.ts';
import { inventory, orders, warehouse } from '../../testing/shop-handlers.ts';
import { createClient } from './client.ts';

let mesh: CabledMesh;
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(() => mesh.close());

/** A message of about 8 KiB, so that buffers fill. */
const big = 'x'.repeat(8 * 1024);
const order = { orderId: 'ord_1' };

/** Sends for ever, counts, and says when it was told to stop. */
function endless() {
  const state = { sent: 0, ended: false };
  const handlers = orders({
    async *watchOrder() {
      try {
        for (;;) {
          state.sent++;
          yield await Promise.resolve(WatchOrderResponse.create({ order: { customerId: big } }));
        }
      } finally {
        state.ended = true;
      }
    },
  });
  return { state, handlers };
}

describe('leaving a stream', () => {
  test('by break cancels the call', async () => {
    const { state, handlers } = endless();
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    await firstOf(stub.watchOrder(order));
    await eventually(() => state.ended);
  });

  test('while a read waits ends that read, and the call', async () => {
    let ended = false;
    const handlers = orders({
      async *watchOrder(_request, { signal }) {
        yield { order: undefined };
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve);
        });
        ended = true;
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const messages = stub.watchOrder(order)[Symbol.asyncIterator]();
    await messages.next();
    const waiting = errorOf(messages.next());
    expect(await messages.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toMatchObject({ status: 'CANCELLED', reason: 'READER_LEFT' });
    await eventually(() => ended);
  });

  test('before the first read makes no call at all', async () => {
    const { state, handlers } = endless();
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const messages = stub.watchOrder(order)[Symbol.asyncIterator]();
    await messages.return?.();
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(state.sent).toBe(0);
  });

  test('gives the endpoint and the slot of the bulkhead back', async () => {
    const { handlers } = endless();
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, {
      ...mesh,
      bulkhead: { maxInFlight: 1 },
    });
    for (let i = 0; i < 5; i++) await firstOf(stub.watchOrder(order));
    const held = stub.watchOrder(order)[Symbol.asyncIterator]();
    await held.next();
    const surplus = stub.watchOrder(order)[Symbol.asyncIterator]();
    expect(await errorOf(surplus.next())).toMatchObject({ reason: 'BULKHEAD_FULL' });
    await held.return?.();
  });
});

describe('a slow reader', () => {
  test('slows the server down', async () => {
    const { state, handlers } = endless();
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const messages = stub.watchOrder(order)[Symbol.asyncIterator]();
    await messages.next();
    let before = -1;
    await eventually(
      () => {
        const still = state.sent === before;
        before = state.sent;
        return still;
      },
      { everyMs: 100 },
    );
    // A window of 64 KiB, the buffers of Node and of the kernel, 16 messages read ahead: some hundred.
    expect(state.sent).toBeLessThan(2000);
    for (let i = 0; i < 500; i++) await messages.next();
    await eventually(() => state.sent > before);
    await messages.return?.();
  });
});

describe('requests that fail', () => {
  test('cancel the call, and their reader gets what happened', async () => {
    let outcome = '';
    const handlers = warehouse({
      async *pickOrders(requests) {
        try {
          for await (const { message } of requests) yield { pick: message && undefined };
        } catch (thrown) {
          outcome = MeshError.from(thrown).status;
          throw thrown;
        }
      },
    });
    await mesh.start(WarehouseServiceDefinition, handlers);
    await using stub = createClient(WarehouseServiceDefinition, mesh);
    const fault = new Error('the terminal lost its power');
    async function* terminal(): AsyncGenerator<PickOrdersRequest> {
      yield await Promise.resolve(PickOrdersRequest.create({}));
      throw fault;
    }
    const error = await errorOf(countOf(stub.pickOrders(terminal())));
    expect(error).toMatchObject({ status: 'CANCELLED', reason: 'REQUESTS_FAILED', cause: fault });
    expect(error.message).toContain('the terminal lost its power');
    await eventually(() => outcome === 'CANCELLED');
  });

  test('do not count against the target', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    async function* broken(): AsyncGenerator<ImportStockRequest> {
      yield await Promise.reject(new Error('disk'));
    }
    for (let i = 0; i < 20; i++) {
      expect((await errorOf(stub.importStock(broken()))).reason).toBe('REQUESTS_FAILED');
    }
    await stub.getStock({ sku: 'TEA' });
  });

  test('what is no stream at all is refused', async () => {
    await mesh.start(InventoryServiceDefinition, inventory());
    await using stub = createClient(InventoryServiceDefinition, mesh);
    const nothing: unknown = undefined;
    const call = stub.importStock(nothing as AsyncIterable<ImportStockRequest>);
    expect((await errorOf(call)).reason).toBe('NOT_A_STREAM');
  });
});

describe('the end of a call', () => {
  test('is told to a source of requests that was not read to its end', async () => {
    await mesh.start(
      InventoryServiceDefinition,
      inventory({
        importStock: () => Promise.resolve({ articles: 0, pieces: 0n, alreadyBooked: true }),
      }),
    );
    await using stub = createClient(InventoryServiceDefinition, mesh);
    let told = false;
    async function* deliveries(): AsyncGenerator<ImportStockRequest> {
      try {
        for (;;) {
          yield ImportStockRequest.create({ deliveryId: 'd-1', sku: 'TEA', quantity: 1 });
          await new Promise(setImmediate);
        }
      } finally {
        told = true;
      }
    }
    expect((await stub.importStock(deliveries())).alreadyBooked).toBe(true);
    await eventually(() => told);
  });

  test('is not held up by a source that waits for ever', async () => {
    await mesh.start(
      WarehouseServiceDefinition,
      warehouse({
        async *pickOrders() {
          yield await Promise.resolve({ pick: undefined });
        },
      }),
    );
    await using stub = createClient(WarehouseServiceDefinition, mesh);
    async function* terminal(): AsyncGenerator<PickOrdersRequest> {
      yield PickOrdersRequest.create({});
      await new Promise(() => undefined);
    }
    expect(await countOf(stub.pickOrders(terminal()))).toBe(1);
  });
});
