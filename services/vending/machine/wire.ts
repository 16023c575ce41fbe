/** Between the domain and its messages: the only file in which the two meet. */
import { type Sale as SaleMessage, SaleStatus } from '#gen/vending/machine/v1/machine.ts';
import type { Sale } from './sale.ts';

const statuses: Record<Sale['status'], SaleStatus> = {
  new: SaleStatus.UNSPECIFIED,
  selected: SaleStatus.SELECTED,
  paid: SaleStatus.PAID,
  early: SaleStatus.EARLY,
  done: SaleStatus.DONE,
  cancelled: SaleStatus.CANCELLED,
  settled: SaleStatus.SETTLED,
  'written off': SaleStatus.WRITTEN_OFF,
};

export function toMessage(sale: Sale): SaleMessage {
  const { machineId, saleId, itemId, cents, status, reason } = sale;
  return { machineId, saleId, itemId, cents, status: statuses[status], reason };
}
