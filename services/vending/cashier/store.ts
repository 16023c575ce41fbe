/** Payments in SQL; one for each sale. */
import type { Kysely, Migration, Store, Transaction } from '#mesh';
import type { Payment, PaymentStatus } from './payment.ts';

export const cashierMigrations: readonly Migration[] = [
  {
    name: '001-payments',
    up: `
      create table payments (
        sale_id text primary key,
        machine_id text not null,
        item_id text not null,
        status text not null,
        cents integer not null,
        change_cents integer not null,
        reason text not null
      );
      create index payments_by_machine on payments (machine_id);
    `,
  },
];

interface PaymentRow {
  sale_id: string;
  machine_id: string;
  item_id: string;
  status: PaymentStatus;
  cents: number;
  change_cents: number;
  reason: string;
}

/** The tables of this service, as Kysely sees them. */
export interface CashierDb {
  payments: PaymentRow;
}

export interface Till {
  /** Writes the payment of a sale unless it has one; gives the one that stands, and whether it is this one. */
  record(
    tx: Transaction<CashierDb>,
    payment: Payment,
  ): Promise<{ readonly payment: Payment; readonly fresh: boolean }>;
  /** Gives back what is in the till for a sale, if anything is. */
  giveBack(tx: Transaction<CashierDb>, saleId: string): Promise<void>;
  find(saleId: string): Promise<Payment | undefined>;
  list(machineId: string): Promise<readonly Payment[]>;
}

export function createTill({ db }: Store<CashierDb>): Till {
  return {
    async record(tx, payment) {
      const { numInsertedOrUpdatedRows: added } = await tx
        .insertInto('payments')
        .values(rowOf(payment))
        .onConflict((conflict) => conflict.column('sale_id').doNothing())
        .executeTakeFirstOrThrow();
      if (added === 1n) return { payment, fresh: true };
      return { payment: (await read(tx, payment.saleId)) ?? payment, fresh: false };
    },

    async giveBack(tx, saleId) {
      await tx
        .updateTable('payments')
        .set({ status: 'returned' })
        .where('sale_id', '=', saleId)
        .where('status', '=', 'completed')
        .execute();
    },

    find: (saleId) => read(db, saleId),

    async list(machineId) {
      const rows = await db
        .selectFrom('payments')
        .selectAll()
        .where('machine_id', '=', machineId)
        .orderBy('sale_id')
        .execute();
      return rows.map(paymentOf);
    },
  };
}

async function read(db: Kysely<CashierDb>, saleId: string): Promise<Payment | undefined> {
  const row = await db
    .selectFrom('payments')
    .selectAll()
    .where('sale_id', '=', saleId)
    .executeTakeFirst();
  return row && paymentOf(row);
}

function rowOf({ saleId, machineId, itemId, changeCents, ...rest }: Payment): PaymentRow {
  const ids = { sale_id: saleId, machine_id: machineId, item_id: itemId };
  return { ...ids, ...rest, change_cents: changeCents };
}

function paymentOf({ sale_id, machine_id, item_id, change_cents, ...rest }: PaymentRow): Payment {
  return {
    ...rest,
    saleId: sale_id,
    machineId: machine_id,
    itemId: item_id,
    changeCents: change_cents,
  };
}
