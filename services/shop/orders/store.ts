/**
 * The orders in SQL. One row holds an order through its whole life, and every step is a guarded statement
 * ("... where status = 'pending'"), so that instances need no lock among themselves: of two that try the
 * same step one finds nothing to do. `lease_until` is no lock either; it only keeps instances from doing the
 * same work twice, and if it is wrong (clocks differ, a driver is slow) the guards still hold.
 */
import {
  type Migration,
  type Origin,
  originOf,
  originText,
  type Store,
  sagaMigrations,
  type Transaction,
} from '#mesh';
import {
  type DecidedOrder,
  type Money,
  type Order,
  type OrderLine,
  type PendingOrder,
  type Placement,
  type ShippedOrder,
  ship,
} from './order.ts';
import { prepareStatements } from './statements.ts';
import type { OrderRow, OrdersDb } from './tables.ts';

export type { OrdersDb } from './tables.ts';

/** One SQL text serves both databases: SQLite reads bigint as INTEGER, and both know partial indexes. */
export const orderMigrations: readonly Migration[] = [
  ...sagaMigrations,
  {
    name: '001-orders',
    up: `
      create table orders (
        order_id text primary key,
        idempotency_key text not null unique,
        fingerprint text not null,
        customer_id text not null,
        lines text not null,
        card_token text not null,
        status text not null,
        decline_reason text,
        total_minor bigint,
        total_currency text,
        created_at bigint not null,
        decided_at bigint,
        shipped_at bigint,
        faults integer not null,
        lease_until bigint not null,
        trace_id text,
        span_id text
      );
      create index orders_undecided on orders (lease_until) where status = 'pending';
    `,
  },
  {
    name: '002-origin',
    up: `
      alter table orders add column origin text;
      update orders set origin = '00-' || trace_id || '-' || span_id || '-01'
        where trace_id is not null and span_id is not null;
      alter table orders drop column trace_id;
      alter table orders drop column span_id;
    `,
  },
];

/** An order that waits for its decision, with what is needed to drive it there. */
export interface Undecided {
  readonly order: PendingOrder;
  readonly cardToken: string;
  /** Failures in a row that will not pass by themselves. */
  readonly faults: number;
  /** Trace and baggage of the call that placed it. */
  readonly origin: Origin;
}

/** What is noted beside a new order. */
export interface Entry {
  readonly fingerprint: string;
  /** Until then whoever placed it is deciding it. */
  readonly leaseUntilMs: number;
  readonly origin: Origin;
  /** What else is written with it. */
  readonly begin?: (tx: Transaction<OrdersDb>) => Promise<void>;
}

/** What stands under an idempotency key. */
export type Known = { readonly fingerprint: string; readonly orderId: string } & (
  | { readonly state: 'undecided'; readonly undecided: Undecided }
  | { readonly state: 'decided'; readonly order: DecidedOrder | ShippedOrder }
);

/** The orders as this service keeps them. Every write is safe beside other instances on the same database. */
export interface OrderStore {
  /**
   * Writes the order, unless there is one under its key; returns what is there now. `entry.begin` runs in the
   * same transaction if the order is new.
   */
  place(placement: Placement, order: PendingOrder, entry: Entry): Promise<Known>;
  /** The order as it is committed now, or as a transaction sees it. */
  find(orderId: string, tx?: Transaction<OrdersDb>): Promise<Order | undefined>;
  /** The order with what is needed to decide it; undefined once it is decided. */
  undecided(orderId: string): Promise<Undecided | undefined>;
  /** Notes what a pending order costs. */
  price(tx: Transaction<OrdersDb>, orderId: string, total: Money): Promise<void>;
  /** Writes the decision and empties the card token; false if somebody else decided before. */
  settle(tx: Transaction<OrdersDb>, order: DecidedOrder): Promise<boolean>;
  /** Notes a failed attempt: the order is due again at `dueMs`. */
  postpone(
    order: PendingOrder,
    failure: { readonly dueMs: number; readonly faults: number },
  ): Promise<void>;
  /** Takes undecided orders that are due, oldest first, so that no other instance takes them before `untilMs`. */
  claimDue(claim: {
    readonly nowMs: number;
    readonly untilMs: number;
    readonly limit: number;
  }): Promise<readonly Undecided[]>;
  /** confirmed -> shipped; returns the order as it is now, whatever it was. */
  ship(tx: Transaction<OrdersDb>, orderId: string, nowMs: number): Promise<Order | undefined>;
}

export function createOrderStore(store: Store<OrdersDb>): OrderStore {
  const { insert, find, price, settle } = prepareStatements(store);
  return {
    place: (placement, order, entry) =>
      store.grouped(async (tx) => {
        const row = newRow(placement, order, entry);
        const { touched } = await insert(tx, row);
        if (touched !== 1) return knownOf(await rowUnderKey(tx, row.idempotency_key));
        await entry.begin?.(tx);
        return knownOf(row);
      }),

    async find(orderId, tx) {
      const [row] = (await find(tx ?? store.db, { order_id: orderId })).rows;
      return row && orderOf(row);
    },

    async undecided(orderId) {
      const [row] = (await find(store.db, { order_id: orderId })).rows;
      const order = row && orderOf(row);
      return order?.status === 'pending' ? undecidedOf(row as OrderRow, order) : undefined;
    },

    async price(tx, orderId, total) {
      await price(tx, { order_id: orderId, ...totalColumns(total) });
    },

    async settle(tx, order) {
      const { touched } = await settle(tx, {
        order_id: order.orderId,
        status: order.status,
        decline_reason: order.status === 'declined' ? order.reason : null,
        ...totalColumns(order.total),
        decided_at: order.decidedAtMs,
      });
      return touched === 1;
    },

    async postpone(order, { dueMs, faults }) {
      await store.transaction((tx) =>
        tx
          .updateTable('orders')
          .set({ ...(order.total && totalColumns(order.total)), faults, lease_until: dueMs })
          .where('order_id', '=', order.orderId)
          .where('status', '=', 'pending')
          .execute(),
      );
    },

    claimDue: (claim) => store.transaction((tx) => claimDue(tx, store.dialect, claim)),

    async ship(tx, orderId, nowMs) {
      await tx
        .updateTable('orders')
        .set({ status: 'shipped', shipped_at: nowMs })
        .where('order_id', '=', orderId)
        .where('status', '=', 'confirmed')
        .execute();
      const row = await tx
        .selectFrom('orders')
        .selectAll()
        .where('order_id', '=', orderId)
        .executeTakeFirst();
      return row && orderOf(row);
    },
  };
}

function rowUnderKey(tx: Transaction<OrdersDb>, key: string): Promise<OrderRow> {
  return tx
    .selectFrom('orders')
    .selectAll()
    .where('idempotency_key', '=', key)
    .executeTakeFirstOrThrow();
}

function knownOf(row: OrderRow): Known {
  const { fingerprint, order_id: orderId } = row;
  const order = orderOf(row);
  return order.status === 'pending'
    ? { fingerprint, orderId, state: 'undecided', undecided: undecidedOf(row, order) }
    : { fingerprint, orderId, state: 'decided', order };
}

async function claimDue(
  tx: Transaction<OrdersDb>,
  dialect: Store<OrdersDb>['dialect'],
  { nowMs, untilMs, limit }: { nowMs: number; untilMs: number; limit: number },
): Promise<readonly Undecided[]> {
  const due = tx
    .selectFrom('orders')
    .select('order_id')
    .where('status', '=', 'pending')
    .where('lease_until', '<=', nowMs)
    .orderBy('lease_until')
    .limit(limit)
    // SQLite has one writer at a time and no such words; in PostgreSQL two instances take different rows.
    .$if(dialect === 'postgres', (query) => query.forUpdate().skipLocked());
  const rows = await tx
    .updateTable('orders')
    .set({ lease_until: untilMs })
    .where('order_id', 'in', due)
    .returningAll()
    .execute();
  return rows.flatMap((row) => {
    const order = orderOf(row);
    return order.status === 'pending' ? [undecidedOf(row, order)] : [];
  });
}

function newRow(placement: Placement, order: PendingOrder, entry: Entry): OrderRow {
  return {
    order_id: order.orderId,
    idempotency_key: placement.idempotencyKey,
    fingerprint: entry.fingerprint,
    customer_id: order.customerId,
    lines: JSON.stringify(order.lines),
    card_token: placement.cardToken,
    status: 'pending',
    decline_reason: null,
    ...totalColumns(undefined),
    created_at: order.createdAtMs,
    decided_at: null,
    shipped_at: null,
    faults: 0,
    lease_until: entry.leaseUntilMs,
    origin: originText(entry.origin),
  };
}

function totalColumns(total: Money | undefined): Pick<OrderRow, 'total_minor' | 'total_currency'> {
  return { total_minor: total?.minorUnits ?? null, total_currency: total?.currency ?? null };
}

function undecidedOf(row: OrderRow, order: PendingOrder): Undecided {
  const { card_token: cardToken, faults, origin } = row;
  return { order, cardToken, faults, origin: originOf(origin) };
}

function orderOf(row: OrderRow): Order {
  const placed = {
    orderId: row.order_id,
    customerId: row.customer_id,
    lines: JSON.parse(row.lines) as OrderLine[],
    createdAtMs: row.created_at,
  };
  const total = totalOf(row);
  if (row.status === 'pending') return { ...placed, status: 'pending', total };
  const decidedAtMs = row.decided_at ?? row.created_at;
  if (row.status === 'declined') {
    return { ...placed, status: 'declined', reason: row.decline_reason ?? '', total, decidedAtMs };
  }
  if (total === undefined)
    throw new Error(`order ${row.order_id} is ${row.status} without a total`);
  const confirmed = { ...placed, status: 'confirmed', total, decidedAtMs } as const;
  return row.status === 'confirmed' ? confirmed : ship(confirmed, row.shipped_at ?? decidedAtMs);
}

function totalOf(row: OrderRow): Money | undefined {
  if (row.total_minor === null || row.total_currency === null) return undefined;
  return { minorUnits: row.total_minor, currency: row.total_currency };
}
