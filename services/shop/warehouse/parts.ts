import { WarehouseServiceDefinition } from '#gen/shop/warehouse/v1/warehouse.ts';
import { type AppTools, createBell, implement, type ServiceParts } from '#mesh';
import type { WarehouseSettings } from './config.ts';
import { createPublishShipped, warehouseHandlers } from './events.ts';
import { warehouseService } from './service.ts';
import { createPickStore, type WarehouseDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function warehouseParts(
  tools: AppTools<WarehouseDb>,
  { pickLeaseMs, pickPollMs }: Pick<WarehouseSettings, 'pickLeaseMs' | 'pickPollMs'>,
): ServiceParts<WarehouseDb> {
  const shared = {
    ...tools,
    picks: createPickStore(tools.store),
    bell: createBell(tools.clock),
    publish: createPublishShipped(tools.events),
    leaseMs: pickLeaseMs,
    pollMs: pickPollMs,
  };
  return {
    services: [implement(WarehouseServiceDefinition, warehouseService(shared))],
    consumer: { handlers: warehouseHandlers(shared) },
  };
}
