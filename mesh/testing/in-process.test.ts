import { afterEach, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import type { Client } from '../rpc/client/client.ts';
import { createInProcessMesh } from './in-process.ts';

const mesh = createInProcessMesh();

afterEach(() => mesh.close());

test('a stub that a service makes has the options that the service gave it', async () => {
  const stubs: Client<InventoryServiceDefinition>[] = [];
  await mesh.start({
    name: 'asker',
    build({ client }) {
      const fallback = { getStock: () => ({ item: undefined }) };
      stubs.push(client(InventoryServiceDefinition, { fallback }));
      return { services: [] };
    },
  });
  // Nobody is called inventory here.
  expect(await stubs[0]?.getStock({ sku: 'TEA-GREEN' })).toEqual({ item: undefined });
});
