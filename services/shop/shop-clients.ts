import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import { OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import { PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import { WarehouseServiceDefinition } from '#gen/shop/warehouse/v1/warehouse.ts';
import type { Client, ServiceDefinition } from '#mesh';

/** Whatever makes clients: a mesh of a test, peers, the tools of an app. */
interface ClientMaker {
  client<D extends ServiceDefinition>(definition: D): Client<D>;
}

interface ShopClients {
  readonly orders: Client<typeof OrdersServiceDefinition>;
  readonly inventory: Client<typeof InventoryServiceDefinition>;
  readonly payments: Client<typeof PaymentsServiceDefinition>;
  readonly warehouse: Client<typeof WarehouseServiceDefinition>;
  readonly notifications: Client<typeof NotificationsServiceDefinition>;
}

/** A client of each service of the shop. */
export function clientsOf(of: ClientMaker): ShopClients {
  return {
    orders: of.client(OrdersServiceDefinition),
    inventory: of.client(InventoryServiceDefinition),
    payments: of.client(PaymentsServiceDefinition),
    warehouse: of.client(WarehouseServiceDefinition),
    notifications: of.client(NotificationsServiceDefinition),
  };
}
