/**
 * What is charged and what is refused: decisions over plain data, no I/O. A real provider would stand behind
 * a port here; its answer, like this one, would be recorded once under the order id.
 */

/** An amount in minor units; a number, because amounts beyond 2^53 are refused at the door. */
export interface Money {
  readonly minorUnits: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
}

/** What is asked of a card. */
export interface Charge {
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: Money;
  /** Used to decide, and neither kept nor logged. */
  readonly cardToken: string;
}

/** Orders passes it on to the customer as it is. */
export type DeclineReason = 'CARD_DECLINED' | 'AMOUNT_TOO_HIGH';

/** The one payment of an order. */
export type Payment = {
  readonly paymentId: string;
  readonly orderId: string;
  readonly customerId: string;
  readonly amount: Money;
  readonly decidedAtMs: number;
} & (
  | { readonly status: 'charged' }
  | { readonly status: 'declined'; readonly reason: DeclineReason }
);

/** The token that the pretended provider always refuses. */
export const declinedToken = 'tok_declined';

/** The highest amount, in minor units, that the pretended provider takes. */
export const maxAmount = 1_000_000;

/** Decides as the contract says, so that every path can be walked on purpose. The card is asked first. */
export function decide(charge: Charge, paymentId: string, nowMs: number): Payment {
  const { orderId, customerId, amount, cardToken } = charge;
  const payment = { paymentId, orderId, customerId, amount, decidedAtMs: nowMs };
  if (cardToken === declinedToken)
    return { ...payment, status: 'declined', reason: 'CARD_DECLINED' };
  if (amount.minorUnits > maxAmount) {
    return { ...payment, status: 'declined', reason: 'AMOUNT_TOO_HIGH' };
  }
  return { ...payment, status: 'charged' };
}

/** Whether a repeated charge asks for what the recorded one asked for. */
export function sameAmount(a: Money, b: Money): boolean {
  return a.minorUnits === b.minorUnits && a.currency === b.currency;
}
