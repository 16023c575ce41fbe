/**
 * Payments in SQL: one row for each order, written once and never changed. The primary key is what makes a
 * repeated charge harmless: of many that come at once, on whatever instance, one row wins and all read it.
 */
import { type Migration, prepare, type Store } from '#mesh';
import type { DeclineReason, Payment } from './payment.ts';

/** One SQL text serves both databases: SQLite reads bigint as INTEGER. The card token is not kept. */
export const paymentMigrations: readonly Migration[] = [
  {
    name: '001-payments',
    up: `
      create table payments (
        order_id text primary key,
        payment_id text not null unique,
        customer_id text not null,
        amount_minor bigint not null,
        amount_currency text not null,
        status text not null,
        decline_reason text,
        decided_at bigint not null
      );
    `,
  },
];

interface PaymentRow {
  order_id: string;
  payment_id: string;
  customer_id: string;
  amount_minor: number;
  amount_currency: string;
  status: Payment['status'];
  /** Null when charged. */
  decline_reason: DeclineReason | null;
  /** Wall ms. */
  decided_at: number;
}

/** The tables of this service, as Kysely sees them. */
export interface PaymentsDb {
  payments: PaymentRow;
}

/** The payments as this service keeps them: one for each order. */
export interface PaymentStore {
  /** Writes the payment unless the order has one; returns the one that stands. */
  record(payment: Payment): Promise<Payment>;
  /** The payment of an order, if one was tried. */
  find(orderId: string): Promise<Payment | undefined>;
}

export function createPaymentStore(store: Store<PaymentsDb>): PaymentStore {
  const insert = prepare(store.db, (db, it: PaymentRow) =>
    db
      .insertInto('payments')
      .values({
        order_id: it.order_id,
        payment_id: it.payment_id,
        customer_id: it.customer_id,
        amount_minor: it.amount_minor,
        amount_currency: it.amount_currency,
        status: it.status,
        decline_reason: it.decline_reason,
        decided_at: it.decided_at,
      })
      .onConflict((conflict) => conflict.column('order_id').doNothing()),
  );
  return {
    record: (payment) =>
      store.grouped(async (tx) => {
        const { touched } = await insert(tx, rowOf(payment));
        if (touched === 1) return payment;
        const row = await tx
          .selectFrom('payments')
          .selectAll()
          .where('order_id', '=', payment.orderId)
          .executeTakeFirstOrThrow();
        return paymentOf(row);
      }),

    async find(orderId) {
      const row = await store.db
        .selectFrom('payments')
        .selectAll()
        .where('order_id', '=', orderId)
        .executeTakeFirst();
      return row && paymentOf(row);
    },
  };
}

function rowOf(payment: Payment): PaymentRow {
  return {
    order_id: payment.orderId,
    payment_id: payment.paymentId,
    customer_id: payment.customerId,
    amount_minor: payment.amount.minorUnits,
    amount_currency: payment.amount.currency,
    status: payment.status,
    decline_reason: payment.status === 'declined' ? payment.reason : null,
    decided_at: payment.decidedAtMs,
  };
}

function paymentOf(row: PaymentRow): Payment {
  const payment = {
    paymentId: row.payment_id,
    orderId: row.order_id,
    customerId: row.customer_id,
    amount: { minorUnits: row.amount_minor, currency: row.amount_currency },
    decidedAtMs: row.decided_at,
  };
  return row.decline_reason === null
    ? { ...payment, status: 'charged' }
    : { ...payment, status: 'declined', reason: row.decline_reason };
}
