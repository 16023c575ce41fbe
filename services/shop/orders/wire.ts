/** Between the domain and its messages, both ways: the only file in which the two meet. */
import type { Money as MoneyMessage } from '#gen/shop/money/v1/money.ts';
import { type Order as OrderMessage, OrderStatus } from '#gen/shop/orders/v1/orders.ts';
import { toTimestamp } from '#mesh';
import { changedAtMs, type Money, type Order } from './order.ts';

const statuses: Record<Order['status'], OrderStatus> = {
  pending: OrderStatus.PENDING,
  confirmed: OrderStatus.CONFIRMED,
  declined: OrderStatus.DECLINED,
  shipped: OrderStatus.SHIPPED,
};

/** The order as it travels. */
export function toMessage(order: Order): OrderMessage {
  return {
    orderId: order.orderId,
    customerId: order.customerId,
    lines: [...order.lines],
    status: statuses[order.status],
    declineReason: order.status === 'declined' ? order.reason : '',
    total: order.total && toMoney(order.total),
    createdAt: toTimestamp(order.createdAtMs),
    updatedAt: toTimestamp(changedAtMs(order)),
  };
}

/** int64 travels as a bigint. */
export function toMoney({ minorUnits, currency }: Money): MoneyMessage {
  return { minorUnits: BigInt(minorUnits), currencyCode: currency };
}

/** Exact: see Money. */
export function fromMoney({ minorUnits, currencyCode }: MoneyMessage): Money {
  return { minorUnits: Number(minorUnits), currency: currencyCode };
}
