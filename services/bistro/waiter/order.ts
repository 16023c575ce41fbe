/** An order on the waiter's pad: plain data, no I/O. */

export type OrderState =
  | 'ordered'
  | 'served'
  | 'refused'
  | 'late'
  | 'calling'
  | 'on its way'
  | 'stranded';

export interface Order {
  readonly orderId: string;
  readonly table: string;
  readonly dish: string;
  readonly state: OrderState;
  /** Who cooked it, why it was refused, or who brings it. */
  readonly note: string;
}

export interface CourierOffer {
  readonly courier: string;
  readonly priceCents: number;
}

/** The cheapest offer; of equal ones the first. Undefined if there is none. */
export function cheapest(offers: readonly CourierOffer[]): CourierOffer | undefined {
  return offers.reduce<CourierOffer | undefined>(
    (best, offer) => (best === undefined || offer.priceCents < best.priceCents ? offer : best),
    undefined,
  );
}
