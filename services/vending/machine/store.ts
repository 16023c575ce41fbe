/** What the service keeps beside its events: who stands at a machine, what is still open, and what was sold. */
import { DrinkDispensed, SaleWrittenOff } from '#gen/vending/machine/v1/events.ts';
import {
  type Migration,
  type ProjectionOptions,
  projects,
  refusal,
  type Store,
  sourcingMigrations,
  type Transaction,
} from '#mesh';
import { isInTheWay, isOpen, type Sale, type SaleId } from './sale.ts';

export interface VendingDb {
  /** `written_off` of the `count` were never paid. */
  sales: { item_id: string; count: number; written_off: number };
  machines: { machine_id: string; sale_id: string; dispensed: number };
  open_sales: { sale_id: string; machine_id: string; since: number; due_at: number };
}

type Tx = Transaction<VendingDb>;

export const vendingMigrations: readonly Migration[] = [
  ...sourcingMigrations,
  {
    name: '001-sales',
    up: 'create table sales (item_id text primary key, count integer not null)',
  },
  {
    name: '002-machines',
    up: `
      create table machines (
        machine_id text primary key,
        sale_id text not null,
        dispensed integer not null
      );
      create table open_sales (
        sale_id text primary key,
        machine_id text not null,
        since bigint not null,
        due_at bigint not null
      );
      create index open_sales_due on open_sales (due_at);
    `,
  },
  {
    name: '003-written-off',
    up: 'alter table sales add column written_off integer not null default 0',
  },
];

/** How often each item was dispensed, and how often for nothing. */
export const salesProjection: ProjectionOptions<VendingDb> = {
  name: 'sales',
  projectors: [
    projects(DrinkDispensed, async (tx, { itemId }) => {
      await tx
        .insertInto('sales')
        .values({ item_id: itemId, count: 1, written_off: 0 })
        .onConflict((on) =>
          on.column('item_id').doUpdateSet((row) => ({ count: row('sales.count', '+', 1) })),
        )
        .execute();
    }),
    projects(SaleWrittenOff, async (tx, { itemId }) => {
      // It has dropped before, so its row is there.
      await tx
        .updateTable('sales')
        .set((row) => ({ written_off: row('written_off', '+', 1) }))
        .where('item_id', '=', itemId)
        .execute();
    }),
  ],
  async reset(tx) {
    await tx.deleteFrom('sales').execute();
  },
};

/** A sale that has not come to its end. Wall ms. */
export interface OpenSale extends SaleId {
  readonly since: number;
}

export interface Stand {
  /** The sale at the machine; empty while it is idle. */
  readonly saleId: string;
  readonly dispensed: number;
}

export interface Floor {
  /** Steps up to a machine. Throws MACHINE_BUSY while another sale stands there. */
  occupy(tx: Tx, sale: SaleId): Promise<void>;
  /** Follows a sale in the transaction that changed it; it is asked about at `dueAt`. */
  follow(
    tx: Tx,
    sale: Sale,
    at: { readonly nowMs: number; readonly dueAt: number; readonly dispensed: boolean },
  ): Promise<void>;
  /** Open sales that nothing was heard of; they are due again at `dueAt`. */
  takeDue(at: { readonly nowMs: number; readonly dueAt: number }): Promise<readonly OpenSale[]>;
  at(machineId: string): Promise<Stand>;
  /** The sales as far as they are projected, by item. */
  listSales(): Promise<{ itemId: string; count: number; writtenOff: number }[]>;
}

export function createFloor(store: Store<VendingDb>): Floor {
  const { db } = store;
  return {
    async occupy(tx, { machineId, saleId }) {
      const { sale_id: standing } = await tx
        .insertInto('machines')
        .values({ machine_id: machineId, sale_id: saleId, dispensed: 0 })
        .onConflict((on) =>
          on.column('machine_id').doUpdateSet((row) => ({
            sale_id: row.fn<string>('coalesce', [
              row.fn('nullif', ['machines.sale_id', row.val('')]),
              row.val(saleId),
            ]),
          })),
        )
        .returning('sale_id')
        .executeTakeFirstOrThrow();
      if (standing === saleId) return;
      throw refusal('MACHINE_BUSY', `${machineId} is busy with sale ${standing}`);
    },

    async follow(tx, sale, { nowMs, dueAt, dispensed }) {
      const { saleId: sale_id, machineId: machine_id } = sale;
      if (isOpen(sale)) {
        await tx
          .insertInto('open_sales')
          .values({ sale_id, machine_id, since: nowMs, due_at: dueAt })
          .onConflict((on) => on.column('sale_id').doUpdateSet({ due_at: dueAt }))
          .execute();
      } else {
        await tx.deleteFrom('open_sales').where('sale_id', '=', sale_id).execute();
      }
      const machine = tx.updateTable('machines').where('machine_id', '=', machine_id);
      if (dispensed) {
        await machine.set((row) => ({ dispensed: row('dispensed', '+', 1) })).execute();
      }
      if (isInTheWay(sale)) return;
      await machine.set({ sale_id: '' }).where('sale_id', '=', sale_id).execute();
    },

    takeDue: ({ nowMs, dueAt }) =>
      store.transaction(async (tx) => {
        const rows = await tx
          .updateTable('open_sales')
          .set({ due_at: dueAt })
          .where('due_at', '<=', nowMs)
          .returning(['sale_id', 'machine_id', 'since'])
          .execute();
        return rows.map(({ sale_id, machine_id, since }) => {
          return { saleId: sale_id, machineId: machine_id, since };
        });
      }),

    at: (machineId) => standAt(store, machineId),
    listSales: () =>
      db
        .selectFrom('sales')
        .select(['item_id as itemId', 'count', 'written_off as writtenOff'])
        .orderBy('item_id')
        .execute(),
  };
}

async function standAt({ db }: Store<VendingDb>, machineId: string): Promise<Stand> {
  const row = await db
    .selectFrom('machines')
    .selectAll()
    .where('machine_id', '=', machineId)
    .executeTakeFirst();
  return { saleId: row?.sale_id ?? '', dispensed: row?.dispensed ?? 0 };
}
