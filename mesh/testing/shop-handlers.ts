import {
  type InventoryServiceDefinition,
  ReserveOutcome,
} from '../../gen/shop/inventory/v1/inventory.ts';
import type { OrdersServiceDefinition } from '../../gen/shop/orders/v1/orders.ts';
import type { WarehouseServiceDefinition } from '../../gen/shop/warehouse/v1/warehouse.ts';
import { MeshError } from '../kernel/error.ts';
import type { Implementation } from '../rpc/server/implementation.ts';

type Inventory = Implementation<typeof InventoryServiceDefinition>;
type Orders = Implementation<typeof OrdersServiceDefinition>;
type Warehouse = Implementation<typeof WarehouseServiceDefinition>;

function unused(): never {
  throw new MeshError('this test has no handler for it', { status: 'UNIMPLEMENTED' });
}

/** An inventory that has three of everything, but for what a test wants otherwise. */
export function inventory(over: Partial<Inventory> = {}): Inventory {
  return {
    reserve: () => Promise.resolve({ outcome: ReserveOutcome.RESERVED, sku: '', total: undefined }),
    getStock: ({ sku }) =>
      Promise.resolve({ item: { sku, available: 3n, reserved: 0n, unitPrice: undefined } }),
    importStock: async (requests) => {
      let articles = 0;
      let pieces = 0n;
      for await (const { quantity } of requests) {
        articles++;
        pieces += BigInt(quantity);
      }
      return { articles, pieces, alreadyBooked: false };
    },
    ...over,
  };
}

/** Orders of which a test says what it needs. */
export function orders(over: Partial<Orders> = {}): Orders {
  return { placeOrder: unused, getOrder: unused, watchOrder: unused, ...over };
}

/** A warehouse of which a test says what it needs. */
export function warehouse(over: Partial<Warehouse> = {}): Warehouse {
  return { pickOrders: unused, getPick: unused, ...over };
}
