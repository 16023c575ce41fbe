/** Between the domain and its messages: the only file in which the two meet. */
import { type Can as CanMessage, CanStatus } from '#gen/vending/dispenser/v1/dispenser.ts';
import type { Can } from './can.ts';

const statuses: Record<Can['status'], CanStatus> = {
  held: CanStatus.HELD,
  dropped: CanStatus.DROPPED,
  missing: CanStatus.MISSING,
};

export function toMessage(can: Can): CanMessage {
  return { ...can, status: statuses[can.status] };
}
