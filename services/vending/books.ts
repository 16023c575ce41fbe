/** Whether the books of machine, cashier and dispenser say the same: plain data, no I/O. */
import { type Payment, PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import { type Can, CanStatus, type Slot } from '#gen/vending/dispenser/v1/dispenser.ts';
import { type Sale, SaleStatus } from '#gen/vending/machine/v1/machine.ts';

/** All that the three know of one machine. */
export interface Books {
  readonly sales: readonly Sale[];
  readonly payments: readonly Payment[];
  readonly slots: readonly Slot[];
  readonly cans: readonly Can[];
}

/** What does not add up, each in a sentence; none: every cent and every can is where it should be. */
export function errorsIn({ sales, payments, slots, cans }: Books): readonly string[] {
  const errors: string[] = [];
  const known = new Set(sales.map(({ saleId }) => saleId));
  for (const { saleId } of [...payments, ...cans]) {
    if (!known.has(saleId)) errors.push(`nobody has heard of the sale ${saleId}`);
  }
  for (const sale of sales) {
    const payment = payments.find(({ saleId }) => saleId === sale.saleId);
    const can = cans.find(({ saleId }) => saleId === sale.saleId);
    const taken = takenBy(payment);
    const dropped = can?.status === CanStatus.DROPPED;
    const owed = sale.status === SaleStatus.DONE ? sale.cents : 0;
    if (sale.status !== SaleStatus.DONE && sale.status !== SaleStatus.SETTLED) {
      errors.push(`${sale.saleId} has not come to an end`);
    }
    if (taken !== owed) {
      errors.push(`${sale.saleId}: ${String(taken)} cents taken, ${String(owed)} owed`);
    }
    if (dropped !== (sale.status === SaleStatus.DONE)) {
      errors.push(`${sale.saleId}: its can has ${dropped ? '' : 'not '}dropped`);
    }
  }
  for (const { itemId, loaded, left } of slots) {
    const dropped = cans.filter((can) => can.itemId === itemId && can.status === CanStatus.DROPPED);
    if (loaded !== left + dropped.length) {
      errors.push(`${itemId}: ${String(loaded)} loaded, ${String(left)} left`);
    }
  }
  return errors;
}

function takenBy(payment: Payment | undefined): number {
  if (payment?.status !== PaymentStatus.COMPLETED) return 0;
  return payment.cents - payment.changeCents;
}
