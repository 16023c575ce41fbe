import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { OrderStatus, OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import {
  type Client,
  type Closeable,
  closeClient,
  createClient,
  createConsul,
  createConsulDiscovery,
  type StubOptions,
} from '#mesh';

export interface ShopClients extends Closeable {
  readonly orders: Client<OrdersServiceDefinition>;
  readonly inventory: Client<InventoryServiceDefinition>;
}

/** The shop as a process on the mesh sees it, under the default policy unless told otherwise. */
export function openShop(
  consulAddress: string,
  policy: Pick<StubOptions, 'breaker'> = {},
): ShopClients {
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consulAddress }) });
  const { resolver } = discovery;
  const orders = createClient(OrdersServiceDefinition, { resolver, ...policy });
  const inventory = createClient(InventoryServiceDefinition, { resolver, ...policy });
  return {
    orders,
    inventory,
    async close() {
      await Promise.all([closeClient(orders), closeClient(inventory)]);
      await discovery.close();
    },
  };
}

/** Pieces and cents of the order that all measurements place: two green teas and a mug. */
export const pieces = { 'TEA-GREEN': 2, 'MUG-WHITE': 1 } as const;
export const cents = 2 * 450 + 1200;

/**
 * Places the n-th order of a run and gives its id. Throws what the customer would see, and for an order that
 * was answered with anything but a confirmation.
 */
export async function placeNth(
  { orders }: Pick<ShopClients, 'orders'>,
  { run, n }: { readonly run: string; readonly n: number },
): Promise<string> {
  const { order } = await orders.placeOrder({
    idempotencyKey: `${run}-order-${String(n)}`,
    customerId: `cus_${String(n % 100)}`,
    lines: Object.entries(pieces).map(([sku, quantity]) => ({ sku, quantity })),
    cardToken: 'tok_visa',
  });
  if (order?.status !== OrderStatus.CONFIRMED && order?.status !== OrderStatus.SHIPPED) {
    throw new Error(`order ${String(n)} was answered with status ${String(order?.status)}`);
  }
  return order.orderId;
}
