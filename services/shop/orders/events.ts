/** What orders tells the world, and what it hears of it. */
import { OrderConfirmed, OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import { OrderShipped } from '#gen/shop/warehouse/v1/events.ts';
import {
  type Bell,
  type Clock,
  type EventHandler,
  type Events,
  MeshError,
  on,
  type Store,
  type Transaction,
  toTimestamp,
} from '#mesh';
import type { DecidedOrder } from './order.ts';
import type { OrderStore, OrdersDb } from './store.ts';
import { toMoney } from './wire.ts';

/** Publishes the decision of an order, in the transaction that writes it. Key: the order id. */
export function publishDecision(
  events: Events<OrdersDb>,
  tx: Transaction<OrdersDb>,
  order: DecidedOrder,
): Promise<string> {
  const { orderId, customerId } = order;
  const occurredAt = toTimestamp(order.decidedAtMs);
  if (order.status === 'declined') {
    return events.publish(tx, OrderDeclined, {
      ...{ orderId, customerId, occurredAt },
      reason: order.reason,
    });
  }
  return events.publish(tx, OrderConfirmed, {
    ...{ orderId, customerId, occurredAt },
    lines: [...order.lines],
    total: toMoney(order.total),
  });
}

/** What orders hears. Key: the order id; an order that is shipped already stays as it is. */
export function orderHandlers(options: {
  readonly store: Store<OrdersDb>;
  readonly orders: OrderStore;
  readonly bell: Bell;
  readonly clock: Clock;
}): readonly EventHandler<OrdersDb>[] {
  const { store, orders, bell, clock } = options;
  return [
    on(OrderShipped, async ({ orderId }, { tx }) => {
      const order = await orders.ship(tx, orderId, clock.now());
      if (order?.status === 'shipped') {
        store.onCommit(tx, () => {
          bell.ring(orderId);
        });
        return;
      }
      // A fact that cannot be: it becomes a dead letter, where a person finds it.
      throw new MeshError(
        `order ${orderId} was shipped, but here it is ${order?.status ?? 'not known'}`,
        { status: 'FAILED_PRECONDITION', reason: 'NOT_CONFIRMED' },
      );
    }),
  ];
}
