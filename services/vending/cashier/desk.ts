/** What can happen to a payment, each in one transaction with what is said of it. */
import { PaymentCompleted, PaymentRefused } from '#gen/vending/cashier/v1/events.ts';
import type { Events, Transaction } from '#mesh';
import { type Charge, decide, type Payment, voided } from './payment.ts';
import type { CashierDb, Till } from './store.ts';

type Tx = Transaction<CashierDb>;
type Sale = Parameters<typeof voided>[0];

export interface Desk {
  /** The first decision about a sale stands, and is said once. */
  charge(tx: Tx, charge: Charge): Promise<Payment>;
  /** Nothing is taken any more; what was taken stays. */
  voidPayment(tx: Tx, sale: Sale): Promise<Payment>;
  /** Nothing is taken any more, and what was taken is given back. */
  returnPayment(tx: Tx, sale: Sale): Promise<Payment>;
}

export function createDesk({
  till,
  events,
}: {
  readonly till: Till;
  readonly events: Events<CashierDb>;
}): Desk {
  const voidPayment: Desk['voidPayment'] = async (tx, sale) =>
    (await till.record(tx, voided(sale))).payment;
  return {
    voidPayment,

    async charge(tx, charge) {
      const { payment, fresh } = await till.record(tx, decide(charge));
      if (!fresh) return payment;
      const { machineId, saleId, itemId, cents, changeCents, reason } = payment;
      if (payment.status === 'completed') {
        const completed = { machineId, saleId, itemId, cents, changeCents };
        await events.publish(tx, PaymentCompleted, completed);
      } else {
        await events.publish(tx, PaymentRefused, { machineId, saleId, reason });
      }
      return payment;
    },

    async returnPayment(tx, sale) {
      const payment = await voidPayment(tx, sale);
      if (payment.status !== 'completed') return payment;
      // Who returns it a moment later, by the same answer, finds it returned.
      await till.giveBack(tx, sale.saleId);
      return { ...payment, status: 'returned' };
    },
  };
}
