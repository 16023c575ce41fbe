/** The pad and the prices in SQL. */
import type { Migration, Store, Transaction } from '#mesh';
import type { Order, OrderState } from './order.ts';

export const waiterMigrations: readonly Migration[] = [
  {
    name: '001-waiter',
    up: `
      create table orders (
        order_id text primary key,
        guest_table text not null,
        dish text not null,
        state text not null,
        note text not null
      );
      create table prices (
        dish text primary key,
        price_cents integer not null
      );
    `,
  },
];

interface OrderRow {
  order_id: string;
  guest_table: string;
  dish: string;
  state: OrderState;
  note: string;
}

/** The tables of this service, as Kysely sees them. */
export interface WaiterDb {
  orders: OrderRow;
  prices: { dish: string; price_cents: number };
}

/** The waiter's pad, and the menu as it was read last. */
export interface Pad {
  /** Writes a new order down; false if it stands there. */
  add(tx: Transaction<WaiterDb>, order: Omit<Order, 'state' | 'note'>): Promise<boolean>;
  /** Moves an order on if it is in the state `from`; false if it is not. */
  move(
    tx: Transaction<WaiterDb>,
    orderId: string,
    change: { readonly from: OrderState; readonly to: OrderState; readonly note?: string },
  ): Promise<boolean>;
  find(orderId: string): Promise<(Order & { readonly priceCents: number }) | undefined>;
  setPrices(
    tx: Transaction<WaiterDb>,
    dishes: readonly { readonly name: string; readonly priceCents: number }[],
  ): Promise<void>;
}

export function createPad({ db }: Store<WaiterDb>): Pad {
  return {
    async add(tx, { orderId, table, dish }) {
      const row = {
        order_id: orderId,
        guest_table: table,
        dish,
        state: 'ordered',
        note: '',
      } as const;
      const { numInsertedOrUpdatedRows: added } = await tx
        .insertInto('orders')
        .values(row)
        .onConflict((conflict) => conflict.column('order_id').doNothing())
        .executeTakeFirstOrThrow();
      return added === 1n;
    },

    async move(tx, orderId, { from, to, note }) {
      const { numUpdatedRows } = await tx
        .updateTable('orders')
        .set({ state: to, ...(note !== undefined && { note }) })
        .where('order_id', '=', orderId)
        .where('state', '=', from)
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    async find(orderId) {
      const row = await db
        .selectFrom('orders')
        .leftJoin('prices', 'prices.dish', 'orders.dish')
        .selectAll('orders')
        .select('price_cents')
        .where('order_id', '=', orderId)
        .executeTakeFirst();
      return row && { ...row, orderId, table: row.guest_table, priceCents: row.price_cents ?? 0 };
    },

    async setPrices(tx, dishes) {
      await tx.deleteFrom('prices').execute();
      for (const { name, priceCents } of dishes) {
        await tx.insertInto('prices').values({ dish: name, price_cents: priceCents }).execute();
      }
    },
  };
}
