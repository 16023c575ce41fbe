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
    const ofSale = ({ saleId }: { readonly saleId: string }): boolean => saleId === sale.saleId;
    errors.push(...saleErrors(sale, payments.find(ofSale), cans.find(ofSale)));
  }
  for (const { itemId, loaded, left } of slots) {
    const dropped = cans.filter((can) => can.itemId === itemId && can.status === CanStatus.DROPPED);
    if (loaded !== left + dropped.length) {
      errors.push(`${itemId}: ${String(loaded)} loaded, ${String(left)} left`);
    }
  }
  return errors;
}

function saleErrors(
  { saleId, status, cents }: Sale,
  payment: Payment | undefined,
  can: Can | undefined,
): readonly string[] {
  const errors: string[] = [];
  const done = status === SaleStatus.DONE;
  // Its can is gone, and nothing was taken for it: the books say so, and that is all they can say.
  const writtenOff = status === SaleStatus.WRITTEN_OFF;
  const taken = takenBy(payment);
  const owed = done ? cents : 0;
  const dropped = can?.status === CanStatus.DROPPED;
  if (!done && !writtenOff && status !== SaleStatus.SETTLED) {
    errors.push(`${saleId} has not come to an end`);
  }
  if (taken !== owed) {
    errors.push(`${saleId}: ${String(taken)} cents taken, ${String(owed)} owed`);
  }
  if (dropped !== (done || writtenOff)) {
    errors.push(`${saleId}: its can has ${dropped ? '' : 'not '}dropped`);
  }
  return errors;
}

function takenBy(payment: Payment | undefined): number {
  if (payment?.status !== PaymentStatus.COMPLETED) return 0;
  return payment.cents - payment.changeCents;
}
