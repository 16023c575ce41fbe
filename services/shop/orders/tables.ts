import type { Order } from './order.ts';

/** An order through its whole life. */
export interface OrderRow {
  order_id: string;
  idempotency_key: string;
  /** See fingerprintOf. */
  fingerprint: string;
  customer_id: string;
  /** JSON: OrderLine[]. */
  lines: string;
  /** Needed while the order is undecided, and emptied with the decision. */
  card_token: string;
  status: Order['status'];
  decline_reason: string | null;
  /** Null until the stock is reserved. */
  total_minor: number | null;
  total_currency: string | null;
  /** Wall ms, as all times here. */
  created_at: number;
  decided_at: number | null;
  shipped_at: number | null;
  /** Failures in a row that will not pass by themselves. */
  faults: number;
  /** Until then somebody is deciding the order, or it is not yet time to try again. Wall ms. */
  lease_until: number;
  /** Of the call that placed the order, as `originText` writes it: what is done for it later belongs to the same. */
  origin: string | null;
}

/** The tables of this service, as Kysely sees them. */
export interface OrdersDb {
  orders: OrderRow;
}
