import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { MeshError } from '../kernel/error.ts';
import type { Client } from '../rpc/client/client.ts';
import type { HandlerContext } from '../rpc/server/implementation.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { type ConsulSecurity, consulSecurity, promptCa } from '../testing/consul-ca.ts';
import { errorOf } from '../testing/error-of.ts';
import { eventually } from '../testing/eventually.ts';
import { inventory } from '../testing/shop-handlers.ts';
import { startApp } from './app.ts';
import type { App } from './options.ts';
import { implement } from './options.ts';
import { readSettings } from './settings.ts';

let consul: ConsulServer;
let operator: ConsulSecurity;
beforeAll(async () => {
  consul = await startConsul({ hcl: promptCa });
  operator = consulSecurity(consul.address);
}, 60_000);
afterAll(() => consul.close());

const settings = (over: Record<string, string> = {}) =>
  readSettings({
    MESH_CONSUL: consul.address,
    IDENTITY: 'consul',
    DRAIN_SPREAD_MS: '0',
    LOG_LEVEL: 'silent',
    ...over,
  });

async function startCaller(
  name: string,
  over: Record<string, string> = {},
): Promise<{ app: App; client: Client<InventoryServiceDefinition> }> {
  const made = Promise.withResolvers<Client<InventoryServiceDefinition>>();
  const app = await startApp({
    name,
    settings: settings(over),
    build: (tools) => {
      made.resolve(tools.client(InventoryServiceDefinition));
      return { services: [] };
    },
  });
  return { app, client: await made.promise };
}

test.each(['1', '0'])(
  'apps with IDENTITY=consul know each other by name, heed intentions and outlive a new CA and an absent one; LANE=%s',
  async (lane) => {
    const seen: HandlerContext[] = [];
    const served = await startApp({
      name: 'inventory',
      settings: settings({ LANE: lane }),
      build: () => ({
        services: [
          implement(
            InventoryServiceDefinition,
            inventory({
              getStock({ sku }, context) {
                seen.push(context);
                return inventory().getStock({ sku }, context);
              },
            }),
          ),
        ],
      }),
    });
    // Registered and found: Consul's own probe, which has no certificate, has passed.
    const { app, client } = await startCaller('orders', { LANE: lane });
    const ask = () => client.getStock({ sku: 'TEA' });
    await ask();
    expect(seen.at(-1)?.caller?.id.service).toBe('orders');

    await operator.intend('orders', 'inventory', 'deny');
    const denied = await eventually(async () => {
      const error = MeshError.from(await errorOf(ask()));
      return error.reason === 'INTENTION_DENIED' && error;
    });
    expect(denied).toMatchObject({
      status: 'PERMISSION_DENIED',
      details: { facts: { callee: 'inventory' } },
    });
    const scrape = await fetch(`http://${served.endpoint.metadata['weft-metrics']}/metrics`);
    expect(await scrape.text()).toMatch(
      /weft_server_refused_callers_total\{grpc_method="shop.inventory.v1.InventoryService\/GetStock",weft_caller="orders",weft_reason="INTENTION_DENIED"\} \d/,
    );
    await operator.intend('orders', 'inventory', 'allow');
    await eventually(ask);

    const serial = seen.at(-1)?.caller?.serial;
    await operator.changeRoot();
    await eventually(
      async () => {
        await ask();
        return seen.at(-1)?.caller?.serial !== serial;
      },
      { withinMs: 40_000 },
    );
    await consul.stop();
    for (let calls = 0; calls < 20; calls++) await ask();
    await consul.restart();
    await app.close();
    await served.close();
  },
  120_000,
);

test('a client without an identity hears what is missing', async () => {
  const served = await startApp({
    name: 'inventory',
    settings: settings(),
    build: () => ({ services: [implement(InventoryServiceDefinition, inventory())] }),
  });
  const { app, client } = await startCaller('edge', { IDENTITY: 'off' });
  await expect(client.getStock({ sku: 'TEA' })).rejects.toThrow(
    /takes mutual TLS only; set IDENTITY=consul/,
  );
  await app.close();
  await served.close();
}, 60_000);
