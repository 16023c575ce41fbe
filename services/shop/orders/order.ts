/**
 * What an order is and what may become of it: plain data and named steps, no I/O. The state is a union, so
 * that an order that is confirmed without a price, or shipped without a decision, cannot be written down.
 *
 *     pending -> confirmed -> shipped
 *             -> declined
 */
import { createHash } from 'node:crypto';

/** One article and how many of it. */
export interface OrderLine {
  readonly sku: string;
  readonly quantity: number;
}

/**
 * An amount in minor units. A number is exact here: inventory sells nothing above 10^9 minor units, and
 * 100 lines of 1000 pieces of that are 10^14, well below 2^53.
 */
export interface Money {
  readonly minorUnits: number;
  readonly currency: string;
}

/** What the customer asked for, cleaned: one line for each article. */
export interface Placement {
  /** One for each order that is meant; chosen by the caller. */
  readonly idempotencyKey: string;
  readonly customerId: string;
  readonly lines: readonly OrderLine[];
  /** The payment provider's token; never logged, and not kept beyond the decision. */
  readonly cardToken: string;
}

interface Placed {
  readonly orderId: string;
  readonly customerId: string;
  readonly lines: readonly OrderLine[];
  readonly createdAtMs: number;
}

/** Accepted and not yet decided; the total is known once the stock is reserved. */
export interface PendingOrder extends Placed {
  readonly status: 'pending';
  readonly total: Money | undefined;
}

/** Stock is reserved and the card is charged. */
export interface ConfirmedOrder extends Placed {
  readonly status: 'confirmed';
  readonly total: Money;
  readonly decidedAtMs: number;
}

/** Refused; the total is known if the stock had been reserved. */
export interface DeclinedOrder extends Placed {
  readonly status: 'declined';
  readonly reason: string;
  readonly total: Money | undefined;
  readonly decidedAtMs: number;
}

/** With the carrier. */
export interface ShippedOrder extends Placed {
  readonly status: 'shipped';
  readonly total: Money;
  readonly decidedAtMs: number;
  readonly shippedAtMs: number;
}

/** What PlaceOrder answers with. */
export type DecidedOrder = ConfirmedOrder | DeclinedOrder;
export type Order = PendingOrder | DecidedOrder | ShippedOrder;

/** Most pieces of one article in one order, as the contract says of a line. */
export const maxQuantity = 1000;

/**
 * One line for each article, in the order of first mention: a customer who puts the same article into the
 * basket twice means the sum, and inventory is asked once.
 */
export function combineLines(lines: readonly OrderLine[]): readonly OrderLine[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity }));
}

/**
 * The first line at which the pieces of one article add up to more than may be ordered. The schema bounds
 * each line; without this, two lines could ask inventory for what it must refuse as INVALID_ARGUMENT, and
 * the order could never be decided.
 */
export function overfullLine(
  lines: readonly OrderLine[],
): { index: number; sku: string; quantity: number } | undefined {
  const quantities = new Map<string, number>();
  for (const [index, { sku, quantity }] of lines.entries()) {
    const sum = (quantities.get(sku) ?? 0) + quantity;
    if (sum > maxQuantity) return { index, sku, quantity: sum };
    quantities.set(sku, sum);
  }
  return undefined;
}

/**
 * What tells a repeated request from another one under the same key. A digest, because the card token is
 * part of it and is not kept once the order is decided.
 */
export function fingerprintOf({ customerId, lines, cardToken }: Placement): string {
  const content = [customerId, cardToken, ...lines.map(({ sku, quantity }) => [sku, quantity])];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** A new order, not yet written anywhere. */
export function place(placement: Placement, orderId: string, nowMs: number): PendingOrder {
  const { customerId, lines } = placement;
  return { orderId, customerId, lines, createdAtMs: nowMs, status: 'pending', total: undefined };
}

/** Stock is reserved; the order still waits for the card. */
export function price(order: PendingOrder, total: Money): PendingOrder {
  return { ...order, total };
}

/** pending -> confirmed */
export function confirm(order: PendingOrder, total: Money, nowMs: number): ConfirmedOrder {
  return { ...order, status: 'confirmed', total, decidedAtMs: nowMs };
}

/** pending -> declined */
export function decline(order: PendingOrder, reason: string, nowMs: number): DeclinedOrder {
  return { ...order, status: 'declined', reason, decidedAtMs: nowMs };
}

/** confirmed -> shipped */
export function ship(order: ConfirmedOrder, nowMs: number): ShippedOrder {
  return { ...order, status: 'shipped', shippedAtMs: nowMs };
}

/** The order as it was decided, whatever came after: what a repeated request is answered with. */
export function decisionOf(order: DecidedOrder | ShippedOrder): DecidedOrder {
  if (order.status !== 'shipped') return order;
  const { orderId, customerId, lines, createdAtMs, total, decidedAtMs } = order;
  return { orderId, customerId, lines, createdAtMs, status: 'confirmed', total, decidedAtMs };
}

/** Nothing happens to the order after this. */
export function isFinal(order: Order): boolean {
  return order.status === 'declined' || order.status === 'shipped';
}

/** When the status last changed. */
export function changedAtMs(order: Order): number {
  switch (order.status) {
    case 'pending':
      return order.createdAtMs;
    case 'confirmed':
    case 'declined':
      return order.decidedAtMs;
    case 'shipped':
      return order.shippedAtMs;
  }
}

/**
 * The order as it stood at each status after `seen`, up to now. Who looks at an order from time to time can
 * so tell every change, even if two came between two looks.
 */
export function changesSince(order: Order, seen: Order['status'] | undefined): readonly Order[] {
  if (seen === undefined) return [order];
  const story = storyOf(order);
  return story.slice(story.findIndex(({ status }) => status === seen) + 1);
}

function storyOf(order: Order): readonly Order[] {
  if (order.status === 'pending') return [order];
  const { orderId, customerId, lines, createdAtMs, total } = order;
  const pending = { orderId, customerId, lines, createdAtMs, total, status: 'pending' } as const;
  return [pending, ...new Set([decisionOf(order), order])];
}

/**
 * The pause before an undecided order is tried again: a second while a peer is away, since trying is then
 * cheap and the customer waits; 1, 2, 4 ... 64 s after failures that do not pass by themselves.
 */
export function retryDelayMs(faults: number): number {
  return 1000 * 2 ** Math.min(Math.max(faults - 1, 0), 6);
}
