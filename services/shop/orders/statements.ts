import { type Prepared, prepare, type Store } from '#mesh';
import type { OrderRow, OrdersDb } from './tables.ts';

/** What is known of an order that was only just placed. */
type NewRow = Omit<OrderRow, 'status' | 'faults' | keyof Omit<DecisionColumns, 'order_id'>>;

/** What a decision writes. */
type DecisionColumns = Pick<
  OrderRow,
  'order_id' | 'status' | 'decline_reason' | 'total_minor' | 'total_currency' | 'decided_at'
>;

type PriceColumns = Pick<OrderRow, 'order_id' | 'total_minor' | 'total_currency'>;

/** What runs for every order. */
export interface OrderStatements {
  /** The key's unique index decides between requests that come at once; the others read the one that won. */
  readonly insert: Prepared<OrdersDb, NewRow, unknown>;
  readonly find: Prepared<OrdersDb, Pick<OrderRow, 'order_id'>, OrderRow>;
  readonly price: Prepared<OrdersDb, PriceColumns, unknown>;
  readonly settle: Prepared<OrdersDb, DecisionColumns, unknown>;
}

export function prepareStatements({ db }: Store<OrdersDb>): OrderStatements {
  return {
    insert: prepare(db, (within, it: NewRow) =>
      within
        .insertInto('orders')
        .values({
          order_id: it.order_id,
          idempotency_key: it.idempotency_key,
          fingerprint: it.fingerprint,
          customer_id: it.customer_id,
          lines: it.lines,
          card_token: it.card_token,
          status: 'pending',
          created_at: it.created_at,
          faults: 0,
          lease_until: it.lease_until,
          origin: it.origin,
        })
        .onConflict((conflict) => conflict.column('idempotency_key').doNothing()),
    ),
    find: prepare(db, (within, it: Pick<OrderRow, 'order_id'>) =>
      within.selectFrom('orders').selectAll().where('order_id', '=', it.order_id),
    ),
    price: prepare(db, (within, it: PriceColumns) =>
      within
        .updateTable('orders')
        .set({ total_minor: it.total_minor, total_currency: it.total_currency })
        .where('order_id', '=', it.order_id)
        .where('status', '=', 'pending'),
    ),
    settle: prepare(db, (within, it: DecisionColumns) =>
      within
        .updateTable('orders')
        .set({
          status: it.status,
          decline_reason: it.decline_reason,
          total_minor: it.total_minor,
          total_currency: it.total_currency,
          decided_at: it.decided_at,
          card_token: '',
        })
        .where('order_id', '=', it.order_id)
        .where('status', '=', 'pending'),
    ),
  };
}
