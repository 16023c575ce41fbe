/**
 * How an order comes to its decision. Reserve and Charge carry the order id as their key, so the way from
 * pending to decided can be walked again from the start, by anyone, at any time, also by two at once: the
 * peers give their first answers again, and only one walker writes the decision. Nothing that happens on
 * the way (a peer away, this process killed) can therefore lose an order; it is only decided later.
 */
import {
  type InventoryServiceDefinition,
  ReserveOutcome,
} from '#gen/shop/inventory/v1/inventory.ts';
import { PaymentStatus, type PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import {
  type Bell,
  type Client,
  type Clock,
  type Log,
  MeshError,
  type Store,
  type Transaction,
} from '#mesh';
import {
  confirm,
  type DecidedOrder,
  decisionOf,
  decline,
  type Money,
  type PendingOrder,
  price,
  retryDelayMs,
} from './order.ts';
import type { OrderStore, OrdersDb, Undecided } from './store.ts';
import { fromMoney, toMoney } from './wire.ts';

export interface DecisionOptions {
  /** The stubs bring deadline, retries and breaker; what they throw has been tried already. */
  readonly inventory: Client<InventoryServiceDefinition>;
  readonly payments: Client<PaymentsServiceDefinition>;
  readonly store: Store<OrdersDb>;
  readonly orders: OrderStore;
  /** Tells the world of the decision, in the transaction that writes it. */
  readonly publish: (tx: Transaction<OrdersDb>, order: DecidedOrder) => Promise<unknown>;
  /** Rung when an order was decided, for those who watch it. */
  readonly bell: Bell;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Drives a pending order to its decision and returns it. Throws UNAVAILABLE with reason ORDER_PENDING when
 * that is not possible now; the order is then due again after a pause.
 */
export type Decide = (undecided: Undecided) => Promise<DecidedOrder>;

/** What callers are told to wait before they ask again for an undecided order, in ms: the resumer's beat. */
const retryAfterMs = 1000;

/** Failures that pass by themselves; any other one is a fault that a person has to find. */
const passing = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'RESOURCE_EXHAUSTED']);

export function createDecide(options: DecisionOptions): Decide {
  const { clock } = options;
  return async ({ order, cardToken, faults }) => {
    let known = order;
    try {
      const stock = await reserve(options, order);
      if ('reason' in stock)
        return await settle(options, decline(order, stock.reason, clock.now()));
      known = price(order, stock.total);
      const refusal = await charge(options, known, { amount: stock.total, cardToken });
      const nowMs = clock.now();
      return await settle(
        options,
        refusal === undefined ? confirm(known, stock.total, nowMs) : decline(known, refusal, nowMs),
      );
    } catch (thrown) {
      const error = MeshError.from(thrown);
      await postpone(options, { order: known, faults, error });
      throw stillPending(order, error);
    }
  };
}

/** Takes the goods off the shelf: what they cost, or why there are none. */
async function reserve(
  { inventory }: DecisionOptions,
  { orderId, lines }: PendingOrder,
): Promise<{ total: Money } | { reason: string }> {
  const { outcome, total } = await inventory.reserve({ orderId, lines: [...lines] });
  if (outcome === ReserveOutcome.OUT_OF_STOCK) return { reason: 'OUT_OF_STOCK' };
  if (outcome === ReserveOutcome.UNKNOWN_SKU) return { reason: 'UNKNOWN_SKU' };
  if (outcome === ReserveOutcome.RESERVED && total) return { total: fromMoney(total) };
  // As from a newer inventory: better undecided and seen than decided by a guess.
  throw notUnderstood('inventory', `outcome ${String(outcome)}`);
}

/** Takes the money: undefined when it was taken, else the reason of the refusal. */
async function charge(
  { payments }: DecisionOptions,
  { orderId, customerId }: PendingOrder,
  { amount, cardToken }: { amount: Money; cardToken: string },
): Promise<string | undefined> {
  const request = { orderId, customerId, amount: toMoney(amount), cardToken };
  const { payment } = await payments.charge(request);
  if (payment?.status === PaymentStatus.CHARGED) return undefined;
  if (payment?.status === PaymentStatus.DECLINED) return payment.declineReason;
  throw notUnderstood('payments', `status ${String(payment?.status)}`);
}

/**
 * Writes the decision and its event together. Another walker may have been faster: then its decision
 * stands, and nothing is published a second time.
 */
async function settle(
  { store, orders, publish, bell }: DecisionOptions,
  decided: DecidedOrder,
): Promise<DecidedOrder> {
  // Without the caller's signal on purpose: what is charged has to be written although the caller has left.
  const won = await store.grouped(async (tx) => {
    const first = await orders.settle(tx, decided);
    if (first) await publish(tx, decided);
    return first;
  });
  if (won) {
    bell.ring(decided.orderId);
    return decided;
  }
  const standing = await orders.find(decided.orderId);
  if (standing !== undefined && standing.status !== 'pending') return decisionOf(standing);
  throw new Error(`order ${decided.orderId} is neither pending nor decided`);
}

/** Notes why the order is not decided; a lease that runs out makes it due again even if that fails too. */
async function postpone(
  { orders, clock, log }: DecisionOptions,
  { order, faults, error }: { order: PendingOrder; faults: number; error: MeshError },
): Promise<void> {
  const passes = passing.has(error.status);
  const fields = { order: order.orderId, err: error };
  if (passes) log.warn('an order stays undecided for now', fields);
  else log.error('an order cannot be decided until this is mended', fields);
  const failure = { faults: passes ? 0 : faults + 1 };
  const dueMs = clock.now() + retryDelayMs(failure.faults);
  try {
    await orders.postpone(order, { ...failure, dueMs });
  } catch (err) {
    log.warn('a failed attempt could not be noted', { order: order.orderId, err });
  }
}

function notUnderstood(peer: string, what: string): MeshError {
  return new MeshError(`${peer} answered with ${what}, which orders does not understand`, {
    status: 'INTERNAL',
    reason: 'ANSWER_NOT_UNDERSTOOD',
  });
}

function stillPending({ orderId }: PendingOrder, cause: MeshError): MeshError {
  return new MeshError(
    `order ${orderId} is accepted but could not be decided yet (${cause.rawMessage}); it will be: ask again with the same idempotency key, or watch it`,
    {
      status: 'UNAVAILABLE',
      reason: 'ORDER_PENDING',
      details: { retryAfterMs, facts: { order_id: orderId } },
      cause,
    },
  );
}
