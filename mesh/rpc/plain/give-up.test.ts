import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  ImportStockResponse,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { weftImage } from '../../schema/image.ts';
import { eventually } from '../../testing/eventually.ts';
import { type Client, closeClient, createClient } from '../client/client.ts';
import { createServer, type MeshServer } from '../server/server.ts';

/** How each import ended for its handler: 'whole', or the status with which its requests broke off. */
const ends: string[] = [];
let server: MeshServer;
let inventory: Client<InventoryServiceDefinition>;

beforeAll(async () => {
  // No time to wait for a reset: what saves the handler is the mark alone.
  server = createServer({ image: weftImage(), resetGraceMs: 0 });
  server.add(InventoryServiceDefinition, {
    reserve: () => Promise.reject(new Error('not called')),
    getStock: () => Promise.reject(new Error('not called')),
    async importStock(requests) {
      try {
        for await (const request of requests) expect(request.sku).toBe('TEA');
        ends.push('whole');
      } catch (thrown) {
        ends.push((thrown as { status: string }).status);
        throw thrown;
      }
      return ImportStockResponse.create();
    },
  });
  const address = await server.listen();
  const { registry, resolver } = createMemoryDiscovery();
  await registry.register({ instanceId: 'i', service: 'inventory', ...address, metadata: {} });
  inventory = createClient(InventoryServiceDefinition, { resolver });
});

afterAll(async () => {
  await closeClient(inventory);
  await server.close();
});

const article = ImportStockRequest.create({ deliveryId: 'd', sku: 'TEA', quantity: 1 });

test('a handler never takes an import for whole whose source broke half-way', async () => {
  ends.length = 0;
  async function* broken(): AsyncGenerator<ImportStockRequest> {
    yield article;
    yield article;
    await Promise.reject(new Error('the file is torn'));
  }
  for (let i = 0; i < 50; i++) {
    await expect(inventory.importStock(broken())).rejects.toThrow('the file is torn');
  }
  await eventually(() => ends.length === 50);
  expect(new Set(ends)).toEqual(new Set(['CANCELLED']));
});

test('nor one that its caller gave up', async () => {
  ends.length = 0;
  for (let i = 0; i < 50; i++) {
    const caller = new AbortController();
    async function* slow(): AsyncGenerator<ImportStockRequest> {
      yield article;
      caller.abort();
      yield article;
      await new Promise(() => undefined);
    }
    await expect(inventory.importStock(slow(), { signal: caller.signal })).rejects.toMatchObject({
      status: 'CANCELLED',
    });
  }
  await eventually(() => ends.length >= 45, { withinMs: 3000 }).catch(() => undefined);
  // A call that was given up before it left reaches no handler; none of those that did was whole.
  expect(ends).not.toContain('whole');
});
