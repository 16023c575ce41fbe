/** What is taken and what is refused: plain data, no I/O. */

export type PaymentStatus = 'completed' | 'refused' | 'void' | 'returned';

/** The one payment of a sale. */
export interface Payment {
  readonly saleId: string;
  readonly machineId: string;
  readonly itemId: string;
  readonly status: PaymentStatus;
  /** How much was put in, and how much of it was given back at once. */
  readonly cents: number;
  readonly changeCents: number;
  /** Empty unless it was refused. */
  readonly reason: string;
}

export interface Charge {
  readonly saleId: string;
  readonly machineId: string;
  readonly itemId: string;
  readonly priceCents: number;
  readonly cents: number;
  readonly card: string;
}

/** The card that is always declined. */
const declinedCard = 'tok_declined';

export function decide(charge: Charge): Payment {
  const { saleId, machineId, itemId, priceCents, cents, card } = charge;
  const sale = { saleId, machineId, itemId };
  if (card === declinedCard) {
    return { ...sale, status: 'refused', cents: 0, changeCents: 0, reason: 'CARD_DECLINED' };
  }
  return { ...sale, status: 'completed', cents, changeCents: cents - priceCents, reason: '' };
}

/** Of a sale that nobody has paid yet. */
export function voided(sale: { readonly saleId: string; readonly machineId: string }): Payment {
  const { saleId, machineId } = sale;
  const nothing = { itemId: '', cents: 0, changeCents: 0, reason: '' };
  return { saleId, machineId, status: 'void', ...nothing };
}
