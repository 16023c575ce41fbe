/**
 * How an order comes to its decision: two ways, chosen by ORDER_FLOW, with the same answers. "sync" walks by
 * itself and begins again from the start when it was cut off (sync-flow.ts); "saga" is told by a saga, which
 * goes on where it was (saga-flow.ts). What follows a decision is choreographed in both: everybody hears of it
 * and does their part, inventory giving back what a declined order had reserved.
 */
import { MeshError, type Transaction } from '#mesh';
import type { DecidedOrder, PendingOrder } from './order.ts';
import type { OrdersDb, Undecided } from './store.ts';

export interface OrderFlow {
  /** Called in the transaction that writes a new order. */
  begin(tx: Transaction<OrdersDb>, order: PendingOrder): Promise<void>;
  /**
   * Brings a pending order to its decision and returns it. Throws UNAVAILABLE with reason ORDER_PENDING when
   * that is not possible now; the order is then decided later.
   */
  decide(undecided: Undecided): Promise<DecidedOrder>;
  /** One run of the job that takes up what was left undecided. */
  resume(signal: AbortSignal): Promise<void>;
}

/** What callers are told to wait before they ask again for an undecided order, in ms: the resumer's beat. */
const retryAfterMs = 1000;

export function stillPending(
  { orderId }: Pick<PendingOrder, 'orderId'>,
  why: string,
  cause?: unknown,
): MeshError {
  return new MeshError(
    `order ${orderId} is accepted but could not be decided yet (${why}); it will be: ask again with the same idempotency key, or watch it`,
    {
      status: 'UNAVAILABLE',
      reason: 'ORDER_PENDING',
      details: { retryAfterMs, facts: { order_id: orderId } },
      cause,
    },
  );
}
