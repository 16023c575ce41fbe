/** What inventory hears; it tells nothing. */
import { OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import { type Clock, type EventHandler, on } from '#mesh';
import type { InventoryDb, StockStore } from './store.ts';

/** What inventory hears. Key: the order id; what was given back is not given back again. */
export function inventoryHandlers(options: {
  readonly stock: StockStore;
  readonly clock: Clock;
}): readonly EventHandler<InventoryDb>[] {
  const { stock, clock } = options;
  return [on(OrderDeclined, ({ orderId }, { tx }) => stock.release(tx, orderId, clock.now()))];
}
