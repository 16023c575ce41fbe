import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '../../gen/shop/orders/v1/orders.ts';
import { startApp } from '../app/app.ts';
import { type App, implement } from '../app/options.ts';
import { readSettings } from '../app/settings.ts';
import type { LiveIo } from '../cli/live.ts';
import { createConsul } from '../consul/client.ts';
import { createConsulDiscovery } from '../discovery/consul.ts';
import { closeAll } from '../kernel/lifecycle.ts';
import { type Client, createClient } from '../rpc/client/client.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import { startConsul } from './consul.ts';
import { eventually } from './eventually.ts';
import { inventory, orders } from './shop-handlers.ts';

type Inventory = Implementation<typeof InventoryServiceDefinition>;

/** Whole services under a real Consul: orders calls inventory, which has two instances, v1 and v2. */
export interface CommandRig {
  /** The address of Consul. */
  readonly consul: string;
  /** Calls orders as a stranger, who is no part of the mesh. */
  readonly stranger: Client<typeof OrdersServiceDefinition>;
  /** The instance of inventory that was asked last. */
  lastAsked(): string;
  /** What the instances of inventory do from now on. */
  behave(over: Partial<Inventory>): void;
  close(): Promise<void>;
}

/** Resolves when orders can call both instances of inventory. */
export async function startCommandRig(): Promise<CommandRig> {
  const consul = await startConsul();
  const client = createConsul({ address: consul.address });
  const discovery = createConsulDiscovery({ consul: client });
  let handlers = inventory();
  let last = '';
  const settings = (instance: string, version = '') =>
    readSettings({
      ...{ MESH_CONSUL: consul.address, DRAIN_SPREAD_MS: '0', LOG_LEVEL: 'silent' },
      ...{ INSTANCE_ID: instance, METRICS_PORT: 'off' },
      ...(version !== '' && { SERVICE_VERSION: version }),
    });
  const stock = (instance: string, version: string): Promise<App> =>
    startApp({
      name: 'inventory',
      settings: settings(instance, version),
      build: () => ({
        services: [
          implement(InventoryServiceDefinition, {
            reserve: (request, context) => handlers.reserve(request, context),
            getStock(request, context) {
              last = instance;
              return handlers.getStock(request, context);
            },
            importStock: (requests, context) => handlers.importStock(requests, context),
          }),
        ],
      }),
    });
  const apps = [await stock('inventory-1', 'v1'), await stock('inventory-2', 'v2')];
  apps.push(
    await startApp({
      name: 'orders',
      settings: settings('orders-1'),
      build: ({ client: clientOf }) => {
        const from = clientOf(InventoryServiceDefinition);
        const serving = orders({
          async getOrder({ orderId }) {
            await from.getStock({ sku: orderId });
            return { order: undefined };
          },
        });
        return { services: [implement(OrdersServiceDefinition, serving)] };
      },
    }),
  );
  const stranger = createClient(OrdersServiceDefinition, { resolver: discovery.resolver });
  await eventually(async () => {
    const { value } = await client.instances('inventory');
    await stranger.getOrder({ orderId: 'TEA' });
    return value.length === 2;
  });
  return {
    consul: consul.address,
    stranger,
    lastAsked: () => last,
    behave: (over) => {
      handlers = inventory(over);
    },
    async close() {
      await stranger[Symbol.asyncDispose]();
      await closeAll(apps);
      await discovery.close();
      client.close();
      await consul.close();
    },
  };
}

/** What a command wrote, while it runs and after. */
export interface Written {
  readonly io: LiveIo;
  readonly lines: string[];
  readonly notes: string[];
  /** Ctrl-C. */
  interrupt(): void;
}

/** The other end of a command that runs against this Consul. */
export function written(consul: string): Written {
  const over = new AbortController();
  const lines: string[] = [];
  const notes: string[] = [];
  const io: LiveIo = {
    print: (text) => lines.push(...text.split('\n')),
    note: (text) => notes.push(text),
    environment: { MESH_CONSUL: consul },
    signal: over.signal,
    ready: () => Promise.resolve(),
  };
  return { io, lines, notes, interrupt: () => over.abort() };
}
