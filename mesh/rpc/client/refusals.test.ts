import { expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import { createMemoryDiscovery } from '../../discovery/memory.ts';
import { MeshError } from '../../kernel/error.ts';
import { errorOf } from '../../testing/error-of.ts';
import { createFakeTransport, fakeEndpoints } from '../../testing/fake-transport.ts';
import { createClient } from './client.ts';

test('a caller that asks again and again while the breaker is open does not stop the process', async () => {
  const { registry, resolver } = createMemoryDiscovery();
  for (const endpoint of fakeEndpoints('inventory', 1)) await registry.register(endpoint);
  const down = new MeshError('down', { status: 'UNAVAILABLE' });
  const transport = createFakeTransport(() => Promise.reject(down));
  await using stub = createClient(InventoryServiceDefinition, {
    resolver,
    transport,
    retry: { attempts: 1 },
    breaker: { openMs: 600_000, maxOpenMs: 600_000 },
  });
  const ask = () => errorOf(stub.getStock({ sku: 'TEA-GREEN' }));
  while ((await ask()).reason !== 'BREAKER_OPEN');
  let turns = 0;
  let over = false;
  const count = (): void => {
    turns++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  for (let i = 0; i < 5_000; i++) expect((await ask()).reason).toBe('BREAKER_OPEN');
  over = true;
  expect(turns).toBeGreaterThan(10);
});
