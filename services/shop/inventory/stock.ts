/**
 * What may be taken off the shelves and what a delivery may put there: decisions over plain data, no I/O.
 * The store reads the shelves, asks here, and writes the answer, all in one transaction.
 */

/** An article on the shelf. Pieces are either free or promised to an order; none is ever both. */
export interface Shelf {
  readonly sku: string;
  /** Free to be reserved. */
  readonly available: number;
  /** Promised to orders; shipped pieces stay counted here, since inventory does not hear of shipping. */
  readonly reserved: number;
  /** Price of one in minor units of the shop's currency. */
  readonly unitPrice: number;
}

/** One article and how many of it. */
export interface StockLine {
  /** As "TEA-GREEN". */
  readonly sku: string;
  readonly quantity: number;
}

/** What is decided about the lines of an order, all or none. */
export type Decision =
  | { readonly outcome: 'reserved'; readonly total: number; readonly lines: readonly StockLine[] }
  | { readonly outcome: 'out-of-stock'; readonly sku: string }
  | { readonly outcome: 'unknown-sku'; readonly sku: string };

/** The shop sells in one currency, so that the lines of an order can be summed. */
export const currency = 'EUR';

/** Highest price of one piece: keeps every total exact in a JavaScript number (100 x 1000 x 10^9 < 2^53). */
export const maxUnitPrice = 1_000_000_000;

/**
 * One line for each article, in the order of first mention: two lines of one article must be held against
 * the shelf together, else each of them could fit and both not.
 */
export function combineLines(lines: readonly StockLine[]): readonly StockLine[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity }));
}

/** Decides a reservation against the shelves as they are; names the first article at fault. */
export function decide(lines: readonly StockLine[], shelves: ReadonlyMap<string, Shelf>): Decision {
  const wanted = combineLines(lines);
  let total = 0;
  for (const { sku, quantity } of wanted) {
    const shelf = shelves.get(sku);
    if (shelf === undefined) return { outcome: 'unknown-sku', sku };
    if (shelf.available < quantity) return { outcome: 'out-of-stock', sku };
    total += shelf.unitPrice * quantity;
  }
  return { outcome: 'reserved', total, lines: wanted };
}

/** One message of a delivery, as it came. */
export interface DeliveryItem {
  readonly deliveryId: string;
  readonly sku: string;
  readonly quantity: number;
  readonly unitPrice?: { readonly minorUnits: bigint; readonly currency: string };
}

/** What one delivery adds to one shelf; without a price the shelf keeps its own. */
export interface Booking extends StockLine {
  readonly unitPrice: number | undefined;
}

/** A rule that one message of a delivery breaks. */
export interface DeliveryFault {
  /** Position in the stream, from 0. */
  readonly index: number;
  readonly field:
    | 'delivery_id'
    | 'unit_price'
    | 'unit_price.minor_units'
    | 'unit_price.currency_code';
  readonly reason: 'MIXED_DELIVERIES' | 'REQUIRED' | 'MIN' | 'MAX' | 'CURRENCY' | 'TWO_PRICES';
  readonly description: string;
}

/** Checks what can be checked without the shelves: every fault is told, not only the first. */
export function checkDelivery(items: readonly DeliveryItem[]): readonly DeliveryFault[] {
  const deliveryId = items[0]?.deliveryId;
  const prices = new Map<string, bigint>();
  return items.flatMap((item, index) => {
    const faults: DeliveryFault[] = [];
    if (item.deliveryId !== deliveryId) faults.push(mixedDeliveries(index, item, deliveryId));
    if (item.unitPrice !== undefined) {
      faults.push(...priceFaults(index, item.unitPrice));
      const before = prices.get(item.sku) ?? item.unitPrice.minorUnits;
      if (before !== item.unitPrice.minorUnits) faults.push(twoPrices(index, item.sku, before));
      prices.set(item.sku, before);
    }
    return faults;
  });
}

/** What only the shelves can tell: a new article must come with a price, in any one of its messages. */
export function missingPrices(
  items: readonly DeliveryItem[],
  known: ReadonlySet<string>,
): readonly DeliveryFault[] {
  const priced = new Set(items.flatMap(({ sku, unitPrice }) => (unitPrice ? [sku] : [])));
  return items.flatMap(({ sku }, index) => {
    if (known.has(sku) || priced.has(sku)) return [];
    const description = `"${sku}" is new and has no price; send unit_price with a new article`;
    return [{ index, field: 'unit_price', reason: 'REQUIRED', description }];
  });
}

/** What a delivery without faults adds to the shelves: one booking for each article. */
export function bookingsOf(items: readonly DeliveryItem[]): readonly Booking[] {
  const bookings = new Map<string, Booking>();
  for (const { sku, quantity, unitPrice } of items) {
    const before = bookings.get(sku);
    bookings.set(sku, {
      sku,
      quantity: (before?.quantity ?? 0) + quantity,
      unitPrice: unitPrice === undefined ? before?.unitPrice : Number(unitPrice.minorUnits),
    });
  }
  return [...bookings.values()];
}

/** The schema cannot bound a price, because Money is also what refunds and sums are written in. */
export function priceFaults(
  index: number,
  price: { readonly minorUnits: bigint; readonly currency: string },
): DeliveryFault[] {
  const faults: DeliveryFault[] = [];
  const field = 'unit_price.minor_units';
  const received = `received ${String(price.minorUnits)}`;
  if (price.minorUnits < 1n) {
    faults.push({ index, field, reason: 'MIN', description: `must be at least 1, ${received}` });
  }
  if (price.minorUnits > BigInt(maxUnitPrice)) {
    const description = `must be at most ${String(maxUnitPrice)}, ${received}`;
    faults.push({ index, field, reason: 'MAX', description });
  }
  if (price.currency !== currency) {
    const description = `the shop sells in ${currency}, received "${price.currency}"`;
    faults.push({ index, field: 'unit_price.currency_code', reason: 'CURRENCY', description });
  }
  return faults;
}

function mixedDeliveries(
  index: number,
  item: DeliveryItem,
  first: string | undefined,
): DeliveryFault {
  const description = `the stream began with "${String(first)}" and goes on with "${item.deliveryId}"; send one delivery in a stream`;
  return { index, field: 'delivery_id', reason: 'MIXED_DELIVERIES', description };
}

function twoPrices(index: number, sku: string, before: bigint): DeliveryFault {
  const description = `"${sku}" was sent at ${String(before)} before; send one price for each article`;
  return { index, field: 'unit_price.minor_units', reason: 'TWO_PRICES', description };
}
