import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { PricesServiceDefinition } from '#gen/shop/inventory/v1/prices.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { inventoryHandlers } from './events.ts';
import { pricesService } from './prices.ts';
import { inventoryService } from './service.ts';
import { createStockStore, type InventoryDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function inventoryParts({ store, clock }: AppTools<InventoryDb>): ServiceParts<InventoryDb> {
  const shared = { stock: createStockStore(store), clock };
  return {
    services: [
      implement(InventoryServiceDefinition, inventoryService(shared)),
      implement(PricesServiceDefinition, pricesService(shared.stock)),
    ],
    consumer: { handlers: inventoryHandlers(shared) },
  };
}
