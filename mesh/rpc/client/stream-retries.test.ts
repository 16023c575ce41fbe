import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import { MeshError } from '../../kernel/error.ts';
import { type CabledMesh, createCabledMesh } from '../../testing/cabled-mesh.ts';
import { errorOf } from '../../testing/error-of.ts';
import { countOf, firstOf } from '../../testing/iterables.ts';
import { inventory, orders } from '../../testing/shop-handlers.ts';
import { createClient } from './client.ts';

let mesh: CabledMesh;
beforeEach(() => {
  mesh = createCabledMesh();
});
afterEach(() => mesh.close());

const unavailable = (): MeshError => new MeshError('not now', { status: 'UNAVAILABLE' });

describe('a stream whose attempt fails', () => {
  test('is tried again as long as no message has come', async () => {
    let attempts = 0;
    const handlers = orders({
      async *watchOrder() {
        attempts++;
        if (attempts < 3) throw unavailable();
        yield await Promise.resolve({ order: undefined });
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    expect(await countOf(stub.watchOrder({ orderId: 'ord_1' }))).toBe(1);
    expect(attempts).toBe(3);
  });

  test('is never tried again after its first message', async () => {
    let attempts = 0;
    const handlers = orders({
      async *watchOrder() {
        attempts++;
        yield await Promise.resolve({ order: undefined });
        throw unavailable();
      },
    });
    await mesh.start(OrdersServiceDefinition, handlers);
    await using stub = createClient(OrdersServiceDefinition, mesh);
    const messages = stub.watchOrder({ orderId: 'ord_1' })[Symbol.asyncIterator]();
    await messages.next();
    expect((await errorOf(messages.next())).status).toBe('UNAVAILABLE');
    expect(attempts).toBe(1);
  });

  test('of requests goes elsewhere when nothing listens, with all its requests', async () => {
    for (let i = 0; i < 3; i++) {
      const { cable } = await mesh.start(InventoryServiceDefinition, inventory());
      if (i > 0) await cable.cut();
    }
    await using stub = createClient(InventoryServiceDefinition, mesh);
    async function* deliveries(): AsyncGenerator<ImportStockRequest> {
      for (let i = 1; i <= 10; i++) {
        yield await Promise.resolve(
          ImportStockRequest.create({ deliveryId: 'd-1', sku: 'TEA', quantity: i }),
        );
      }
    }
    for (let i = 0; i < 5; i++) {
      expect(await stub.importStock(deliveries())).toMatchObject({ articles: 10, pieces: 55n });
    }
  });

  test('of requests is not sent again once a part of it is used up', async () => {
    let attempts = 0;
    const handlers = inventory({
      async importStock(requests) {
        attempts++;
        await firstOf(requests);
        throw unavailable();
      },
    });
    await mesh.start(InventoryServiceDefinition, handlers);
    await using stub = createClient(InventoryServiceDefinition, mesh);
    async function* deliveries(): AsyncGenerator<ImportStockRequest> {
      yield await Promise.resolve(
        ImportStockRequest.create({ deliveryId: 'd-1', sku: 'TEA', quantity: 1 }),
      );
    }
    expect((await errorOf(stub.importStock(deliveries()))).status).toBe('UNAVAILABLE');
    expect(attempts).toBe(1);
  });
});
