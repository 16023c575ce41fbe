/**
 * The contract's three calls over store and decision. What a request may hold is checked by the schema's
 * rules before it comes here; only the rule that no schema can say (lines add up) is checked here.
 */
import type {
  OrdersServiceDefinition,
  PlaceOrderRequest,
  WatchOrderResponse,
} from '#gen/shop/orders/v1/orders.ts';
import {
  type Bell,
  type Clock,
  currentContext,
  type HandlerContext,
  type Implementation,
  MeshError,
  type Random,
  sortableId,
} from '#mesh';
import type { OrderFlow } from './flow.ts';
import * as domain from './order.ts';
import type { Entry, OrderStore } from './store.ts';
import { toMessage } from './wire.ts';

export interface OrdersServiceOptions {
  readonly orders: OrderStore;
  readonly flow: OrderFlow;
  /** Rung at each change that this instance makes. */
  readonly bell: Bell;
  /** How long an order that is being decided is left alone by all others, in ms. */
  readonly leaseMs: number;
  /** How often a watcher looks for what other instances did, in ms. */
  readonly pollMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** shop.orders.v1.OrdersService. */
export function ordersService(
  options: OrdersServiceOptions,
): Implementation<OrdersServiceDefinition> {
  const { orders } = options;
  return {
    async placeOrder(request) {
      return { order: toMessage(await placeOrder(options, request)) };
    },

    async getOrder({ orderId }) {
      const order = await orders.find(orderId);
      if (order === undefined) throw notFound(orderId);
      return { order: toMessage(order) };
    },

    watchOrder: ({ orderId }, context) => watchOrder(options, orderId, context),
  };
}

async function placeOrder(
  { orders, flow, leaseMs, clock, random }: OrdersServiceOptions,
  request: PlaceOrderRequest,
): Promise<domain.DecidedOrder> {
  checkQuantities(request);
  const { idempotencyKey, customerId, cardToken } = request;
  const lines = domain.combineLines(request.lines);
  const placement: domain.Placement = { idempotencyKey, customerId, lines, cardToken };
  const fingerprint = domain.fingerprintOf(placement);
  const nowMs = clock.now();
  const fresh = domain.place(placement, `ord_${sortableId(nowMs, random)}`, nowMs);
  const begin: Entry['begin'] = (tx) => flow.begin(tx, fresh);
  const entry = { fingerprint, leaseUntilMs: nowMs + leaseMs, origin: currentContext(), begin };
  const known = await orders.place(placement, fresh, entry);
  if (known.fingerprint !== fingerprint) throw keyReused(idempotencyKey, known.orderId);
  // A repeated request drives an undecided order on by itself: whoever placed it may be dead.
  if (known.state === 'undecided') return flow.decide(known.undecided);
  return domain.decisionOf(known.order);
}

async function* watchOrder(
  { orders, bell, pollMs }: OrdersServiceOptions,
  orderId: string,
  { signal, draining }: HandlerContext,
): AsyncGenerator<WatchOrderResponse> {
  const over = AbortSignal.any([signal, draining]);
  let seen: domain.Order['status'] | undefined;
  while (!over.aborted) {
    // Listens before it looks, so that no change falls between the two.
    const news = bell.heard({ key: orderId, withinMs: pollMs, signal: over });
    const order = await orders.find(orderId);
    if (order === undefined) throw notFound(orderId);
    for (const change of domain.changesSince(order, seen)) yield { order: toMessage(change) };
    if (domain.isFinal(order)) return;
    seen = order.status;
    await news;
  }
  throw leaving(orderId);
}

function checkQuantities({ lines }: PlaceOrderRequest): void {
  const over = domain.overfullLine(lines);
  if (over === undefined) return;
  const most = String(domain.maxQuantity);
  const description = `lines of one article are added up, and "${over.sku}" comes to ${String(over.quantity)}; order at most ${most}`;
  const field = `lines[${String(over.index)}].quantity`;
  throw MeshError.invalid('this order breaks a rule', [{ field, description, reason: 'MAX' }]);
}

function notFound(orderId: string): MeshError {
  return new MeshError(
    `there is no order "${orderId}"; use the order_id that PlaceOrder answered with`,
    { status: 'NOT_FOUND', reason: 'ORDER_NOT_FOUND', details: { facts: { order_id: orderId } } },
  );
}

/** An end without an error would say that the order has come to its last status. */
function leaving(orderId: string): MeshError {
  return new MeshError(`this instance is leaving; watch order ${orderId} again on another one`, {
    status: 'UNAVAILABLE',
    reason: 'INSTANCE_LEAVING',
  });
}

function keyReused(key: string, orderId: string): MeshError {
  return new MeshError(
    `the idempotency key "${key}" stands for order ${orderId}, which has other content; use a new key for a new order`,
    {
      status: 'ALREADY_EXISTS',
      reason: 'IDEMPOTENCY_KEY_REUSED',
      details: { facts: { order_id: orderId } },
    },
  );
}
