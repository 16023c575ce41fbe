import type { Decision } from './stock.ts';

export interface ShelfRow {
  sku: string;
  available: number;
  reserved: number;
  /** Minor units of the shop's currency. */
  unit_price: number;
}

export interface ReservationRow {
  order_id: string;
  /** "void": the order was declined before anybody reserved for it. */
  outcome: Decision['outcome'] | 'void';
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
