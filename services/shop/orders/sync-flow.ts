/**
 * The flow that needs nothing but its own rows. Reserve and Charge carry the order id as their key, so the way
 * from pending to decided can be walked again from the start, by anyone, at any time, also by two at once: the
 * peers give their first answers again, and only one walker writes the decision. Nothing that happens on
 * the way (a peer away, this process killed) can therefore lose an order; it is only decided later.
 */
import {
  type Bell,
  type Clock,
  type Log,
  MeshError,
  type Random,
  type Store,
  type Transaction,
} from '#mesh';
import { type OrderFlow, stillPending } from './flow.ts';
import {
  confirm,
  type DecidedOrder,
  decisionOf,
  decline,
  type PendingOrder,
  price,
  retryDelayMs,
} from './order.ts';
import { charge, type Peers, reserve } from './peers.ts';
import { createResume } from './resume.ts';
import type { OrderStore, OrdersDb } from './store.ts';

export interface SyncFlowOptions {
  readonly peers: Peers;
  readonly store: Store<OrdersDb>;
  readonly orders: OrderStore;
  /** Tells the world of the decision, in the transaction that writes it. */
  readonly publish: (tx: Transaction<OrdersDb>, order: DecidedOrder) => Promise<unknown>;
  /** Rung when an order was decided, for those who watch it. */
  readonly bell: Bell;
  /** How long an order that is being decided is left alone by all others, in ms. */
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Failures that pass by themselves; any other one is a fault that a person has to find. */
const passing = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'RESOURCE_EXHAUSTED']);

export function createSyncFlow(options: SyncFlowOptions): OrderFlow {
  const { clock } = options;
  const decide: OrderFlow['decide'] = async ({ order, cardToken, faults }) => {
    let known = order;
    try {
      const stock = await reserve(options.peers, order);
      if ('reason' in stock)
        return await settle(options, decline(order, stock.reason, clock.now()));
      known = price(order, stock.total);
      const refusal = await charge(options.peers, known, { amount: stock.total, cardToken });
      const nowMs = clock.now();
      return await settle(
        options,
        refusal === undefined ? confirm(known, stock.total, nowMs) : decline(known, refusal, nowMs),
      );
    } catch (thrown) {
      const error = MeshError.from(thrown);
      await postpone(options, { order: known, faults, error });
      throw stillPending(order, error.rawMessage, error);
    }
  };
  return { begin: async () => undefined, decide, resume: createResume({ ...options, decide }) };
}

/**
 * Writes the decision and its event together. Another walker may have been faster: then its decision
 * stands, and nothing is published a second time.
 */
async function settle(
  { store, orders, publish, bell }: SyncFlowOptions,
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
  { orders, clock, log }: SyncFlowOptions,
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
