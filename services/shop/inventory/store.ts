/**
 * Shelves, reservations and deliveries in SQL. The check constraints are the last line of defence: a fault
 * in this file becomes an error, never a negative shelf. Reservations are kept after they end, because a
 * repeated call must be answered like the first one, and a late one must not take stock for an order that is
 * gone.
 */
import type { Migration, Store, Transaction } from '#mesh';
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

interface ShelfRow {
  sku: string;
  available: number;
  reserved: number;
  /** Minor units of the shop's currency. */
  unit_price: number;
}

interface ReservationRow {
  order_id: string;
  /** "void": the order was declined before anybody reserved for it. "open": being decided, never committed. */
  outcome: Decision['outcome'] | 'void' | 'open';
  /** The article at fault. */
  sku: string | null;
  total: number | null;
  /** JSON: StockLine[], what was taken off the shelves. */
  lines: string;
  /** Wall ms; null while the pieces are promised. */
  released_at: number | null;
}

interface DeliveryRow {
  delivery_id: string;
  articles: number;
  pieces: number;
  /** Wall ms. */
  booked_at: number;
}

/** The tables of this service, as Kysely sees them. */
export interface InventoryDb {
  shelves: ShelfRow;
  reservations: ReservationRow;
  deliveries: DeliveryRow;
}

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
  /** Decides once for each order and returns that decision ever after; "void" if the order is gone already. */
  reserve(orderId: string, lines: readonly StockLine[]): Promise<Decision | { outcome: 'void' }>;
  /** Gives back what was reserved, once; an order that is not known can never reserve afterwards. */
  release(tx: Transaction<InventoryDb>, orderId: string, nowMs: number): Promise<void>;
  /** Books a delivery that passed checkDelivery, once, all or nothing. */
  book(items: readonly DeliveryItem[], nowMs: number): Promise<BookingResult>;
}

export function createStockStore(store: Store<InventoryDb>): StockStore {
  const { dialect } = store;
  return {
    async find(sku) {
      const row = await store.db
        .selectFrom('shelves')
        .selectAll()
        .where('sku', '=', sku)
        .executeTakeFirst();
      return row && shelfOf(row);
    },

    reserve: (orderId, lines) =>
      store.transaction(async (tx) => {
        const row = await claimReservation(tx, orderId);
        if (row.outcome !== 'open') return answerOf(row);
        const shelves = await lockShelves(tx, dialect, lines);
        const decision = decide(lines, shelves);
        await tx
          .updateTable('reservations')
          .set(decisionColumns(decision))
          .where('order_id', '=', orderId)
          .execute();
        if (decision.outcome === 'reserved') await move(tx, decision.lines, 'reserve');
        return decision;
      }),

    async release(tx, orderId, nowMs) {
      // First the case that nothing was reserved: this row then stands in the way of a reservation that comes late.
      await tx
        .insertInto('reservations')
        .values({ ...openReservation(orderId), outcome: 'void', released_at: nowMs })
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
      await lockShelves(tx, dialect, lines);
      await move(tx, lines, 'release');
    },

    book: (items, nowMs) => store.transaction((tx) => book(tx, dialect, { items, nowMs })),
  };
}

/**
 * Writes the reservation's row first: of two calls for one order the second one waits here (PostgreSQL) or
 * before the transaction (SQLite), and then finds the first one's answer.
 */
async function claimReservation(
  tx: Transaction<InventoryDb>,
  orderId: string,
): Promise<ReservationRow> {
  const claimed = await tx
    .insertInto('reservations')
    .values(openReservation(orderId))
    .onConflict((conflict) => conflict.column('order_id').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (claimed !== undefined) return claimed;
  return tx
    .selectFrom('reservations')
    .selectAll()
    .where('order_id', '=', orderId)
    .executeTakeFirstOrThrow();
}

/** Reads shelves and holds them until commit; always in the order of SKU, so that two never wait for each other. */
async function lockShelves(
  tx: Transaction<InventoryDb>,
  dialect: Store<InventoryDb>['dialect'],
  lines: readonly StockLine[],
): Promise<ReadonlyMap<string, Shelf>> {
  const rows = await tx
    .selectFrom('shelves')
    .selectAll()
    .where(
      'sku',
      'in',
      lines.map(({ sku }) => sku),
    )
    .orderBy('sku')
    // In SQLite the transaction is the only writer anyway.
    .$if(dialect === 'postgres', (query) => query.forUpdate())
    .execute();
  return new Map(rows.map((row) => [row.sku, shelfOf(row)]));
}

/** Pieces only ever move between free and promised, so that their sum stays what was delivered. */
async function move(
  tx: Transaction<InventoryDb>,
  lines: readonly StockLine[],
  direction: 'reserve' | 'release',
): Promise<void> {
  for (const { sku, quantity } of lines) {
    const pieces = direction === 'reserve' ? quantity : -quantity;
    await tx
      .updateTable('shelves')
      .set((row) => ({
        available: row('available', '-', pieces),
        reserved: row('reserved', '+', pieces),
      }))
      .where('sku', '=', sku)
      .execute();
  }
}

/** Looks first, so that a delivery that is sent again is answered even if it could not be booked today. */
async function book(
  tx: Transaction<InventoryDb>,
  dialect: Store<InventoryDb>['dialect'],
  delivery: { readonly items: readonly DeliveryItem[]; readonly nowMs: number },
): Promise<BookingResult> {
  const { items, nowMs } = delivery;
  const deliveryId = items[0]?.deliveryId ?? '';
  const before = await findDelivery(tx, deliveryId);
  if (before !== undefined) return { kind: 'booked', ...before, before: true };
  const shelves = await lockShelves(tx, dialect, items);
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
  if (numInsertedOrUpdatedRows !== 1n) return book(tx, dialect, delivery);
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

function openReservation(orderId: string): ReservationRow {
  return {
    order_id: orderId,
    outcome: 'open',
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
  if (outcome === 'void' || outcome === 'open') return { outcome: 'void' };
  return { outcome, sku: row.sku ?? '' };
}

function linesOf(json: string): readonly StockLine[] {
  return JSON.parse(json) as StockLine[];
}

function shelfOf(row: ShelfRow): Shelf {
  return {
    sku: row.sku,
    available: row.available,
    reserved: row.reserved,
    unitPrice: row.unit_price,
  };
}
