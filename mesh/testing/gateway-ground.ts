import type { GatewaySettings } from '../../services/edge/gateway/config.ts';
import { gatewayParts } from '../../services/edge/gateway/parts.ts';
import { inventoryParts } from '../../services/shop/inventory/parts.ts';
import { type InventoryDb, inventoryMigrations } from '../../services/shop/inventory/store.ts';
import { notificationsParts } from '../../services/shop/notifications/parts.ts';
import { notificationMigrations } from '../../services/shop/notifications/store.ts';
import { ordersParts } from '../../services/shop/orders/parts.ts';
import { type OrdersDb, orderMigrations } from '../../services/shop/orders/store.ts';
import { paymentsParts } from '../../services/shop/payments/parts.ts';
import { paymentMigrations } from '../../services/shop/payments/store.ts';
import { type EdgeDb, edgeKey, edgeMigrations } from '../edge/index.ts';
import { createInProcessMesh, type InProcessMesh } from './in-process.ts';

/** A mesh in this process with the inventory of the shop in it. */
export async function meshWithInventory(): Promise<InProcessMesh> {
  const mesh = createInProcessMesh();
  await mesh.start<InventoryDb>({
    ...{ name: 'inventory', migrations: inventoryMigrations, build: inventoryParts },
  });
  return mesh;
}

/** Adds what an order needs: payments, orders and notifications. */
export async function startOrdersOf(mesh: InProcessMesh): Promise<void> {
  await mesh.start({ name: 'payments', migrations: paymentMigrations, build: paymentsParts });
  await mesh.start({
    ...{ name: 'notifications', migrations: notificationMigrations, build: notificationsParts },
  });
  const settings = { resumeEveryMs: 100, watchPollMs: 50 };
  await mesh.start<OrdersDb>({
    ...{ name: 'orders', migrations: orderMigrations },
    build: (tools) => ordersParts(tools, settings),
  });
}

/** Starts a gateway; gives the address of its edge. */
export async function startGateway(
  mesh: InProcessMesh,
  edge: GatewaySettings['edge'] = {},
): Promise<string> {
  const { endpoint } = await mesh.start<EdgeDb>({
    name: 'gateway',
    migrations: edgeMigrations,
    build: (tools) => gatewayParts(tools, { host: '127.0.0.1', nats: [], edge }),
  });
  return endpoint.metadata[edgeKey] ?? '';
}
