import { type Order, OrderStatus } from '#gen/shop/orders/v1/orders.ts';

/** An order of so many lines; its id says how many: "lines-100". */
export function orderOf(orderId: string): Order {
  const count = Number(/^lines-(\d+)$/.exec(orderId)?.[1] ?? 1);
  return {
    ...{ orderId, customerId: 'cus_1', status: OrderStatus.CONFIRMED, declineReason: '' },
    lines: Array.from({ length: count }, (_, i) => ({ sku: `TEA-${String(i)}`, quantity: 1 + i })),
    total: { minorUnits: 1250n, currencyCode: 'EUR' },
    createdAt: { seconds: 1_790_000_000n, nanos: 0 },
    updatedAt: { seconds: 1_790_000_000n, nanos: 0 },
  };
}
