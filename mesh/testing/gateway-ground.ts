import type { GatewaySettings } from '../../services/edge/gateway/config.ts';
import { gatewayParts } from '../../services/edge/gateway/parts.ts';
import { inventoryParts } from '../../services/shop/inventory/parts.ts';
import { type InventoryDb, inventoryMigrations } from '../../services/shop/inventory/store.ts';
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
