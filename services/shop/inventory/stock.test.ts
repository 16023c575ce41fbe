import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  bookingsOf,
  checkDelivery,
  type DeliveryItem,
  decide,
  maxUnitPrice,
  missingPrices,
  type Shelf,
} from './stock.ts';

const shelf = (sku: string, available: number, unitPrice = 100): Shelf => ({
  ...{ sku, available, unitPrice },
  reserved: 0,
});
const shelves = new Map([shelf('A', 5, 450), shelf('B', 1, 999)].map((each) => [each.sku, each]));

describe('a reservation', () => {
  test('is priced as the sum of its lines', () => {
    const lines = [
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 1 },
    ];
    expect(decide(lines, shelves)).toEqual({ outcome: 'reserved', total: 1899, lines });
  });

  test('adds up the lines of one article before it looks at the shelf', () => {
    const lines = [
      { sku: 'A', quantity: 3 },
      { sku: 'A', quantity: 3 },
    ];
    expect(decide(lines, shelves)).toEqual({ outcome: 'out-of-stock', sku: 'A' });
  });

  test('names the first article at fault, whatever the fault', () => {
    const soldOut = { sku: 'B', quantity: 2 };
    const unknown = { sku: 'X', quantity: 1 };
    expect(decide([soldOut, unknown], shelves)).toEqual({ outcome: 'out-of-stock', sku: 'B' });
    expect(decide([unknown, soldOut], shelves)).toEqual({ outcome: 'unknown-sku', sku: 'X' });
  });

  test('is never of more than there is, and costs what its pieces cost', () => {
    const lines = fc.array(
      fc.record({ sku: fc.constantFrom('A', 'B', 'C'), quantity: fc.integer({ min: 1, max: 9 }) }),
      { minLength: 1 },
    );
    const stock = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20), fc.integer({ min: 1, max: 999 }));
    fc.assert(
      fc.property(lines, stock, (wanted, [a, b, c, unitPrice]) => {
        const all = new Map(
          [shelf('A', a, unitPrice), shelf('B', b, unitPrice), shelf('C', c, unitPrice)].map(
            (each) => [each.sku, each],
          ),
        );
        const decision = decide(wanted, all);
        const pieces = wanted.reduce((sum, line) => sum + line.quantity, 0);
        if (decision.outcome !== 'reserved') return decision.outcome === 'out-of-stock';
        const fits = decision.lines.every((l) => l.quantity <= (all.get(l.sku)?.available ?? 0));
        return fits && decision.total === pieces * unitPrice;
      }),
    );
  });
});

describe('a delivery', () => {
  const item = (over: Partial<DeliveryItem> = {}): DeliveryItem => ({
    ...{ deliveryId: 'del-1', sku: 'A', quantity: 10 },
    ...over,
  });
  const price = (minorUnits: bigint, currency = 'EUR') => ({ unitPrice: { minorUnits, currency } });

  test('without faults has none', () => {
    expect(checkDelivery([item(), item({ sku: 'B', ...price(500n) })])).toEqual([]);
  });

  test.each<[string, Partial<DeliveryItem>, string, string]>([
    ['another delivery', { deliveryId: 'del-2' }, 'delivery_id', 'MIXED_DELIVERIES'],
    ['a price of nothing', price(0n), 'unit_price.minor_units', 'MIN'],
    ['a negative price', price(-5n), 'unit_price.minor_units', 'MIN'],
    ['an absurd price', price(BigInt(maxUnitPrice) + 1n), 'unit_price.minor_units', 'MAX'],
    ['a foreign price', price(500n, 'USD'), 'unit_price.currency_code', 'CURRENCY'],
  ])('is refused for %s', (_, over, field, reason) => {
    expect(checkDelivery([item(), item(over)])).toMatchObject([{ index: 1, field, reason }]);
  });

  test('with two prices for one article is refused at the second', () => {
    const items = [item(price(500n)), item(price(500n)), item(price(600n))];
    expect(checkDelivery(items)).toMatchObject([{ index: 2, reason: 'TWO_PRICES' }]);
  });

  test('tells every fault at once', () => {
    const items = [item(), item({ deliveryId: 'x', ...price(0n, 'USD') })];
    expect(checkDelivery(items).map(({ reason }) => reason)).toEqual([
      'MIXED_DELIVERIES',
      'MIN',
      'CURRENCY',
    ]);
  });

  test('of a new article needs a price in one of its messages', () => {
    const known = new Set(['A']);
    expect(missingPrices([item(), item({ sku: 'N' })], known)).toMatchObject([
      { index: 1, field: 'unit_price', reason: 'REQUIRED' },
    ]);
    const priced = [item({ sku: 'N' }), item({ sku: 'N', ...price(7n) })];
    expect(missingPrices(priced, known)).toEqual([]);
  });

  test('is booked once for each article, at its price if it came with one', () => {
    const items = [item(), item({ sku: 'N', ...price(7n) }), item({ quantity: 5 }), item()];
    expect(bookingsOf(items)).toEqual([
      { sku: 'A', quantity: 25, unitPrice: undefined },
      { sku: 'N', quantity: 10, unitPrice: 7 },
    ]);
  });
});
