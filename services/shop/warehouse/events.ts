/** What the warehouse hears, and what it tells the world. */
import { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import { OrderShipped } from '#gen/shop/warehouse/v1/events.ts';
import {
  type Bell,
  type Clock,
  type EventHandler,
  type Events,
  on,
  type Store,
  type Transaction,
  toTimestamp,
} from '#mesh';
import type { Pick } from './pick.ts';
import type { PickStore, WarehouseDb } from './store.ts';
import { fromConfirmed } from './wire.ts';

/** Tells the world that a pick is with the carrier, in the transaction that ships it. Key: the order id. */
export type PublishShipped = (
  tx: Transaction<WarehouseDb>,
  shipped: { readonly pick: Pick; readonly terminalId: string; readonly nowMs: number },
) => Promise<unknown>;

export function createPublishShipped(events: Events<WarehouseDb>): PublishShipped {
  return (tx, { pick, terminalId, nowMs }) => {
    const { orderId, customerId } = pick;
    const occurredAt = toTimestamp(nowMs);
    return events.publish(tx, OrderShipped, { orderId, customerId, terminalId, occurredAt });
  };
}

/** What the warehouse hears. Key: the order id; an order is picked once. */
export function warehouseHandlers(options: {
  readonly store: Store<WarehouseDb>;
  readonly picks: PickStore;
  readonly bell: Bell;
  readonly clock: Clock;
}): readonly EventHandler<WarehouseDb>[] {
  const { store, picks, bell, clock } = options;
  return [
    on(OrderConfirmed, async (event, { tx, trace, baggage }) => {
      await picks.add(tx, fromConfirmed(event, clock.now()), { trace, baggage });
      // A terminal that is woken earlier would not see the pick yet.
      store.onCommit(tx, () => {
        bell.ring();
      });
    }),
  ];
}
