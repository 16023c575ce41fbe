import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { type Consul, createConsul } from '../consul/client.ts';
import { createConsulDiscovery } from '../discovery/consul.ts';
import { mtlsKey } from '../kernel/endpoint.ts';
import { silentLog } from '../kernel/log.ts';
import { closeClient, createClient } from '../rpc/client/client.ts';
import type { HandlerContext } from '../rpc/server/implementation.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { inventory } from '../testing/shop-handlers.ts';
import { startApp } from './app.ts';
import { createGuest } from './guest.ts';
import { implement } from './options.ts';
import { readSettings } from './settings.ts';

let server: ConsulServer;
let consul: Consul;
beforeAll(async () => {
  server = await startConsul({ hcl: 'connect { enabled = true }' });
  consul = createConsul({ address: server.address });
}, 60_000);
afterAll(async () => {
  consul.close();
  await server.close();
});

test.each(['consul', 'off'])(
  'a guest calls an instance with IDENTITY=%s as it wants to be called, and is known by its name',
  async (identity) => {
    const seen: HandlerContext[] = [];
    const app = await startApp({
      name: 'inventory',
      settings: readSettings({
        ...{ MESH_CONSUL: server.address, IDENTITY: identity },
        ...{ DRAIN_SPREAD_MS: '0', LOG_LEVEL: 'silent' },
      }),
      build: () => ({
        services: [
          implement(
            InventoryServiceDefinition,
            inventory({
              getStock(request, context) {
                seen.push(context);
                return inventory().getStock(request, context);
              },
            }),
          ),
        ],
      }),
    });
    const discovery = createConsulDiscovery({ consul, log: silentLog });
    const guest = createGuest({ consul, name: 'visitor' });
    await guest.meet(await consul.ownServices());
    const client = createClient(InventoryServiceDefinition, {
      ...{ resolver: discovery.resolver, transport: guest.transport },
    });
    await client.getStock({ sku: 'TEA' });
    expect(seen.at(-1)?.caller?.id.service).toBe(identity === 'consul' ? 'visitor' : undefined);
    await closeClient(client);
    await guest.close();
    await discovery.close();
    await app.close();
  },
  60_000,
);

const asking = (meta: Record<string, string>) => [{ service: 'inventory', meta }];

test('a guest of a mesh without identities asks Consul for nothing', async () => {
  const away = createConsul({ address: 'http://127.0.0.1:1' });
  const guest = createGuest({ consul: away, name: 'visitor' });
  await expect(guest.meet(asking({}))).resolves.toBeUndefined();
  expect(await guest.channelTo({ service: 'inventory', meta: {} })).toBeUndefined();
  await guest.close();
});

test('a guest to whom Consul gives no certificate hears what is missing, and may ask again', async () => {
  const without = await startConsul({ hcl: 'connect { enabled = false }' });
  const poor = createConsul({ address: without.address });
  const guest = createGuest({ consul: poor, name: 'visitor' });
  for (let times = 0; times < 2; times++) {
    await expect(guest.meet(asking({ [mtlsKey]: '1' }))).rejects.toMatchObject({
      reason: 'NO_IDENTITY',
      message: expect.stringMatching(
        /Consul gives "visitor" none \(.*\): its servers need connect \{ enabled = true \}/,
      ),
    });
  }
  await guest.close();
  poor.close();
  await without.close();
}, 60_000);
