import type { Store, Transaction } from '#mesh';
import type { OrderRow, OrdersTables } from './wire.ts';

/** The book of orders, as all flows keep it. */
export interface Book {
  /** Writes a new order down. */
  open(tx: Transaction<OrdersTables>, order: Omit<OrderRow, 'status'>): Promise<void>;
  /** Decides an order that is pending; false when somebody was faster. */
  settle(
    tx: Transaction<OrdersTables>,
    orderId: string,
    status: Exclude<OrderRow['status'], 'pending'>,
  ): Promise<boolean>;
  /** Orders that were placed before and are still pending, the oldest first. */
  pendingSince(placedBeforeMs: number): Promise<readonly OrderRow[]>;
}

export function createBook(store: Store<OrdersTables>): Book {
  return {
    async open(tx, order) {
      await tx
        .insertInto('orders')
        .values({ ...order, status: 'pending' })
        .execute();
    },
    async settle(tx, orderId, status) {
      const { numUpdatedRows } = await tx
        .updateTable('orders')
        .set({ status })
        .where('order_id', '=', orderId)
        .where('status', '=', 'pending')
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },
    pendingSince: (placedBeforeMs) =>
      store.db
        .selectFrom('orders')
        .selectAll()
        .where('status', '=', 'pending')
        .where('placed_at', '<', placedBeforeMs)
        .orderBy('placed_at')
        .limit(50)
        .execute(),
  };
}
