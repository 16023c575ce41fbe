/** Between the domain and its messages: the only file in which the two meet. */
import { type Order as OrderMessage, OrderState } from '#gen/bistro/waiter/v1/waiter.ts';
import type { Order } from './order.ts';

const states: Record<Order['state'], OrderState> = {
  ordered: OrderState.ORDERED,
  served: OrderState.SERVED,
  refused: OrderState.REFUSED,
  late: OrderState.LATE,
  calling: OrderState.CALLING,
  'on its way': OrderState.ON_ITS_WAY,
  stranded: OrderState.STRANDED,
};

export function toMessage(order: Order & { readonly priceCents: number }): OrderMessage {
  const { orderId, table, dish, state, note, priceCents } = order;
  return { orderId, table, dish, state: states[state], note, priceCents };
}
