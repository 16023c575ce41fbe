/** Between the domain and its messages, both ways: the only file in which the two meet. */
import type { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import { type Pick as PickMessage, PickStatus } from '#gen/shop/warehouse/v1/warehouse.ts';
import { toTimestamp } from '#mesh';
import type { NewPick, Pick } from './pick.ts';

const statuses: Record<Pick['status'], PickStatus> = {
  open: PickStatus.OPEN,
  assigned: PickStatus.ASSIGNED,
  shipped: PickStatus.SHIPPED,
};

/** The pick as it travels. */
export function toMessage(pick: Pick): PickMessage {
  return {
    orderId: pick.orderId,
    lines: [...pick.lines],
    status: statuses[pick.status],
    createdAt: toTimestamp(pick.createdAtMs),
  };
}

/** A confirmed order as work for the warehouse. */
export function fromConfirmed(
  { orderId, customerId, lines }: OrderConfirmed,
  nowMs: number,
): NewPick {
  return { orderId, customerId, lines, createdAtMs: nowMs };
}
