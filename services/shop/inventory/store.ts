/**
 * Shelves, reservations and deliveries in SQL. The check constraints are the last line of defence: a fault
 * in this file becomes an error, never a negative shelf. Reservations are kept after they end, because a
 * repeated call must be answered like the first one, and a late one must not take stock for an order that is
 * gone.
 */
import { type Migration, prepare, type Store, type Transaction } from '#mesh';
import { createLockShelves, createMove, type LockShelves, shelfOf } from './shelves.ts';
import {
  type Booking,
  bookingsOf,
  type Decision,
  type DeliveryFault,
  type DeliveryItem,
  decide,
  missingPrices,
  type Shelf,
  type StockLine,
} from './stock.ts';
import type { InventoryDb, ReservationRow } from './tables.ts';

export type { InventoryDb } from './tables.ts';

/** One SQL text serves both databases: SQLite reads bigint as INTEGER. */
export const inventoryMigrations: readonly Migration[] = [
  {
    name: '001-inventory',
    up: `
      create table shelves (
        sku text primary key,
        available bigint not null check (available >= 0),
        reserved bigint not null check (reserved >= 0),
        unit_price bigint not null
      );
      create table reservations (
        order_id text primary key,
        outcome text not null,
        sku text,
        total bigint,
        lines text not null,
        released_at bigint
      );
      create table deliveries (
        delivery_id text primary key,
        articles integer not null,
        pieces bigint not null,
        booked_at bigint not null
      );
    `,
  },
  {
    name: '002-catalogue',
    up: `
      insert into shelves (sku, available, reserved, unit_price) values
        ('TEA-GREEN', 1000000, 0, 450),
        ('TEA-BLACK', 1000000, 0, 390),
        ('MUG-WHITE', 1000000, 0, 1200),
        ('POT-IRON', 1000000, 0, 5900),
        ('LAST-ONE', 1, 0, 999);
    `,
  },
];

/** What was booked of a delivery, or why nothing was. */
export type BookingResult =
  | {
      readonly kind: 'booked';
      readonly articles: number;
      readonly pieces: number;
      readonly before: boolean;
    }
  | { readonly kind: 'refused'; readonly faults: readonly DeliveryFault[] };

/** The stock as this service keeps it. Every write is safe beside other instances on the same database. */
export interface StockStore {
  /** The article as it is committed now. */
  find(sku: string): Promise<Shelf | undefined>;
  /** Gives an article another price; undefined if it is not known. */
  setPrice(sku: string, unitPrice: number): Promise<Shelf | undefined>;
  /** Decides once for each order and returns that decision ever after; "void" if the order is gone already. */
  reserve(orderId: string, lines: readonly StockLine[]): Promise<Decision | { outcome: 'void' }>;
  /** Gives back what was reserved, once; an order that is not known can never reserve afterwards. */
  release(tx: Transaction<InventoryDb>, orderId: string, nowMs: number): Promise<void>;
  /** Books a delivery that passed checkDelivery, once, all or nothing. */
  book(items: readonly DeliveryItem[], nowMs: number): Promise<BookingResult>;
}

export function createStockStore(store: Store<InventoryDb>): StockStore {
  const lockShelves = createLockShelves(store);
  const decideOnce = createDecideOnce(store);
  const move = createMove(store);
  return {
    async find(sku) {
      const row = await store.db
        .selectFrom('shelves')
        .selectAll()
        .where('sku', '=', sku)
        .executeTakeFirst();
      return row && shelfOf(row);
    },

    async setPrice(sku, unitPrice) {
      const row = await store.db
        .updateTable('shelves')
        .set({ unit_price: unitPrice })
        .where('sku', '=', sku)
        .returningAll()
        .executeTakeFirst();
      return row && shelfOf(row);
    },

    reserve: (orderId, lines) =>
      store.grouped(async (tx) => {
        const shelves = await lockShelves(tx, lines);
        const decision = decide(lines, shelves);
        const before = await decideOnce(tx, orderId, decision);
        if (before !== undefined) return answerOf(before);
        if (decision.outcome === 'reserved') await move(tx, decision.lines, 'reserve');
        return decision;
      }),

    async release(tx, orderId, nowMs) {
      // First the case that nothing was reserved: this row then stands in the way of a reservation that comes late.
      await tx
        .insertInto('reservations')
        .values({ ...voidReservation(orderId), released_at: nowMs })
        .onConflict((conflict) => conflict.column('order_id').doNothing())
        .execute();
      const released = await tx
        .updateTable('reservations')
        .set({ released_at: nowMs })
        .where('order_id', '=', orderId)
        .where('outcome', '=', 'reserved')
        .where('released_at', 'is', null)
        .returning('lines')
        .executeTakeFirst();
      if (released === undefined) return;
      const lines = linesOf(released.lines);
      await lockShelves(tx, lines);
      await move(tx, lines, 'release');
    },

    book: (items, nowMs) => store.transaction((tx) => book(tx, lockShelves, { items, nowMs })),
  };
}

/**
 * Writes the decision unless the order has one, and gives the one that it has: of two calls for one order the
 * second one waits at the shelves (PostgreSQL) or before the transaction (SQLite), and then finds the first one's.
 */
function createDecideOnce({
  db,
}: Store<InventoryDb>): (
  tx: Transaction<InventoryDb>,
  orderId: string,
  decision: Decision,
) => Promise<ReservationRow | undefined> {
  const insert = prepare(db, (within, it: Omit<ReservationRow, 'released_at'>) =>
    within
      .insertInto('reservations')
      .values({
        order_id: it.order_id,
        outcome: it.outcome,
        sku: it.sku,
        total: it.total,
        lines: it.lines,
      })
      .onConflict((conflict) => conflict.column('order_id').doNothing()),
  );
  return async (tx, orderId, decision) => {
    const { touched } = await insert(tx, { order_id: orderId, ...decisionColumns(decision) });
    if (touched === 1) return undefined;
    return tx
      .selectFrom('reservations')
      .selectAll()
      .where('order_id', '=', orderId)
      .executeTakeFirstOrThrow();
  };
}

/** Looks first, so that a delivery that is sent again is answered even if it could not be booked today. */
async function book(
  tx: Transaction<InventoryDb>,
  lockShelves: LockShelves,
  delivery: { readonly items: readonly DeliveryItem[]; readonly nowMs: number },
): Promise<BookingResult> {
  const { items, nowMs } = delivery;
  const deliveryId = items[0]?.deliveryId ?? '';
  const before = await findDelivery(tx, deliveryId);
  if (before !== undefined) return { kind: 'booked', ...before, before: true };
  const shelves = await lockShelves(tx, items);
  const faults = missingPrices(items, new Set(shelves.keys()));
  if (faults.length > 0) return { kind: 'refused', faults };
  const bookings = bookingsOf(items);
  const pieces = bookings.reduce((sum, { quantity }) => sum + quantity, 0);
  const articles = bookings.length;
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('deliveries')
    .values({ delivery_id: deliveryId, articles, pieces, booked_at: nowMs })
    .onConflict((conflict) => conflict.column('delivery_id').doNothing())
    .executeTakeFirstOrThrow();
  // Another instance was faster: its booking is what this delivery is answered with.
  if (numInsertedOrUpdatedRows !== 1n) return book(tx, lockShelves, delivery);
  // Known shelves are held already; new ones come in one order, so that two deliveries never wait for each other.
  for (const booking of [...bookings].sort((a, b) => (a.sku < b.sku ? -1 : 1))) {
    await addToShelf(tx, booking);
  }
  return { kind: 'booked', articles, pieces, before: false };
}

function findDelivery(
  tx: Transaction<InventoryDb>,
  deliveryId: string,
): Promise<{ articles: number; pieces: number } | undefined> {
  return tx
    .selectFrom('deliveries')
    .select(['articles', 'pieces'])
    .where('delivery_id', '=', deliveryId)
    .executeTakeFirst();
}

/** An article that comes without a price is known: missingPrices has seen to that. */
async function addToShelf(
  tx: Transaction<InventoryDb>,
  { sku, quantity, unitPrice }: Booking,
): Promise<void> {
  if (unitPrice === undefined) {
    await tx
      .updateTable('shelves')
      .set((row) => ({ available: row('available', '+', quantity) }))
      .where('sku', '=', sku)
      .execute();
    return;
  }
  await tx
    .insertInto('shelves')
    .values({ sku, available: quantity, reserved: 0, unit_price: unitPrice })
    .onConflict((conflict) =>
      conflict.column('sku').doUpdateSet((row) => ({
        available: row('shelves.available', '+', quantity),
        unit_price: unitPrice,
      })),
    )
    .execute();
}

function voidReservation(orderId: string): ReservationRow {
  return {
    order_id: orderId,
    outcome: 'void',
    sku: null,
    total: null,
    lines: '[]',
    released_at: null,
  };
}

function decisionColumns(
  decision: Decision,
): Pick<ReservationRow, 'outcome' | 'sku' | 'total' | 'lines'> {
  const { outcome } = decision;
  if (outcome !== 'reserved') return { outcome, sku: decision.sku, total: null, lines: '[]' };
  return { outcome, sku: null, total: decision.total, lines: JSON.stringify(decision.lines) };
}

function answerOf(row: ReservationRow): Decision | { outcome: 'void' } {
  const { outcome } = row;
  if (outcome === 'reserved') return { outcome, total: row.total ?? 0, lines: linesOf(row.lines) };
  if (outcome === 'void') return { outcome };
  return { outcome, sku: row.sku ?? '' };
}

function linesOf(json: string): readonly StockLine[] {
  return JSON.parse(json) as StockLine[];
}
