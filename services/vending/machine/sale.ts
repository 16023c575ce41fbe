/**
 * What has happened to a sale, what that makes of it, and what may happen next: plain functions, no I/O.
 *
 *     new -> selected -> paid ---> done
 *                |         \
 *                |----------\--> cancelled -> settled
 *                |
 *                \-> early ----> done           (the drink was heard of before the payment)
 *                      \-------> written off    (it was never paid: the can is gone, and nothing was taken)
 *
 * Cashier and dispenser decide what happens to money and cans; a sale only takes down what they say. Calls and
 * events may come twice, late, or in another order: each decision gives nothing for what has happened already.
 */
import {
  DrinkDispensed,
  ItemSelected,
  PaymentCompleted,
  SaleCancelled,
  SaleSettled,
  SaleWrittenOff,
} from '#gen/vending/machine/v1/events.ts';
import { applies, defineAggregate, happened, jsonData, type NewEvent, refusal, z } from '#mesh';

const shape = z.object({
  status: z.enum([
    'new',
    'selected',
    'paid',
    'early',
    'done',
    'cancelled',
    'settled',
    'written off',
  ]),
  machineId: z.string(),
  saleId: z.string(),
  itemId: z.string(),
  cents: z.number(),
  paid: z.number(),
  reason: z.string(),
});
export type Sale = z.infer<typeof shape>;

const unknown: Sale = {
  ...{ status: 'new', machineId: '', saleId: '', itemId: '', cents: 0, paid: 0, reason: '' },
};

export const sales = defineAggregate<Sale>({
  name: 'sale',
  initial: unknown,
  events: [
    applies(ItemSelected, (sale, selected) => ({ ...sale, ...selected, status: 'selected' })),
    applies(PaymentCompleted, (sale, { cents }) => {
      return { ...sale, status: sale.status === 'early' ? 'done' : 'paid', paid: cents };
    }),
    applies(DrinkDispensed, (sale) => {
      return { ...sale, status: sale.status === 'paid' ? 'done' : 'early' };
    }),
    applies(SaleCancelled, (sale, { reason }) => ({ ...sale, status: 'cancelled', reason })),
    applies(SaleSettled, (sale) => ({ ...sale, status: 'settled' })),
    applies(SaleWrittenOff, (sale, { reason }) => ({ ...sale, status: 'written off', reason })),
  ],
  snapshot: { every: 100, schema: 1, data: jsonData(shape) },
});

/** What is sold, in cents. */
const prices: ReadonlyMap<string, number> = new Map([
  ['tea', 150],
  ['coffee', 220],
  ['cola', 180],
]);

/** One sale of one machine. */
export interface SaleId {
  readonly machineId: string;
  readonly saleId: string;
}

export function select(sale: Sale, id: SaleId, itemId: string): readonly NewEvent[] {
  if (sale.status !== 'new') return [];
  const cents = prices.get(itemId);
  if (cents === undefined) throw refusal('NOT_SOLD', `${id.machineId} sells no ${itemId}`);
  return [happened(ItemSelected, { ...id, itemId, cents })];
}

/** Whether money may be put in; the cashier has the last word. */
export function checkPayable(sale: Sale, { saleId, machineId }: SaleId, cents: number): void {
  const { status, itemId, reason } = sale;
  if (status === 'new') throw refusal('NOT_SELECTED', `${machineId} is not selling ${saleId}`);
  if (status === 'cancelled' || status === 'settled') {
    throw refusal('SALE_CANCELLED', `the sale ${saleId} was cancelled: ${reason}`);
  }
  if (status === 'written off') {
    throw refusal('SALE_WRITTEN_OFF', `the sale ${saleId} was written off: ${reason}`);
  }
  if (status === 'selected' && cents < sale.cents) {
    throw refusal('TOO_LITTLE', `${itemId} costs ${String(sale.cents)} cents`);
  }
}

/** The cashier has said that it is paid. */
export function pay(sale: Sale, id: SaleId, cents: number): readonly NewEvent[] {
  if (sale.status === 'new') throw refusal('NOT_SELECTED', `nobody has selected ${id.saleId}`);
  if (sale.status !== 'selected' && sale.status !== 'early') return [];
  return [happened(PaymentCompleted, { ...id, cents })];
}

/** The dispenser has said that the drink has dropped. */
export function dispense(sale: Sale, id: SaleId): readonly NewEvent[] {
  if (sale.status === 'new') throw refusal('NOT_SELECTED', `nobody has selected ${id.saleId}`);
  if (sale.status !== 'selected' && sale.status !== 'paid') return [];
  const { itemId, paid, cents } = sale;
  const changeCents = Math.max(0, paid - cents);
  return [happened(DrinkDispensed, { ...id, itemId, changeCents })];
}

/**
 * The cashier has said that it will never be paid. Of a can that has dropped already nothing can be taken back: it is
 * written off, and stands in the ledger as what it is, a loss.
 */
export function unpaid(sale: Sale, id: SaleId, reason: string): readonly NewEvent[] {
  if (sale.status !== 'early') return cancel(sale, id, reason);
  const { itemId, cents } = sale;
  return [happened(SaleWrittenOff, { ...id, itemId, cents, reason })];
}

/** One of the two has said that it will not be. Whatever the other did is taken back. */
export function cancel(sale: Sale, id: SaleId, reason: string): readonly NewEvent[] {
  if (sale.status === 'new') throw refusal('NOT_SELECTED', `nobody has selected ${id.saleId}`);
  if (sale.status !== 'selected' && sale.status !== 'paid') return [];
  return [happened(SaleCancelled, { ...id, itemId: sale.itemId, reason })];
}

/** Both have said that nothing is left to do. */
export function settle(sale: Sale, id: SaleId): readonly NewEvent[] {
  return sale.status === 'cancelled' ? [happened(SaleSettled, { ...id })] : [];
}

/** Whether there is something to see to yet. */
export function isOpen({ status }: Pick<Sale, 'status'>): boolean {
  return status !== 'done' && status !== 'settled' && status !== 'written off';
}

/** Whether somebody else may step up to the machine. */
export function isInTheWay({ status }: Pick<Sale, 'status'>): boolean {
  return status === 'selected' || status === 'paid' || status === 'early';
}
