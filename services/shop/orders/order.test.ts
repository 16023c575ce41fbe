import { describe, expect, test } from '@jest/globals';
import {
  changedAtMs,
  changesSince,
  combineLines,
  confirm,
  decisionOf,
  decline,
  fingerprintOf,
  isFinal,
  overfullLine,
  type Placement,
  place,
  price,
  retryDelayMs,
  ship,
} from './order.ts';

const placement: Placement = {
  idempotencyKey: 'key-0001',
  customerId: 'ada',
  lines: [{ sku: 'TEA-GREEN', quantity: 2 }],
  cardToken: 'tok_visa',
};
const total = { minorUnits: 900, currency: 'EUR' };
const pending = place(placement, 'ord_1', 1000);
const confirmed = confirm(price(pending, total), total, 2000);
const shipped = ship(confirmed, 3000);

describe('lines', () => {
  test('of one article are added up, in the order of first mention', () => {
    const lines = [
      { sku: 'B', quantity: 1 },
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 3 },
    ];
    expect(combineLines(lines)).toEqual([
      { sku: 'B', quantity: 4 },
      { sku: 'A', quantity: 2 },
    ]);
  });

  test('that add up to more than may be ordered are found where they do', () => {
    const lines = [
      { sku: 'A', quantity: 600 },
      { sku: 'B', quantity: 1000 },
      { sku: 'A', quantity: 401 },
    ];
    expect(overfullLine(lines)).toEqual({ index: 2, sku: 'A', quantity: 1001 });
    expect(overfullLine(lines.slice(0, 2))).toBeUndefined();
  });
});

describe('the fingerprint of a request', () => {
  test('is the same for the same content', () => {
    expect(fingerprintOf({ ...placement })).toBe(fingerprintOf(placement));
  });

  test.each<[string, Partial<Placement>]>([
    ['customer', { customerId: 'bob' }],
    ['card', { cardToken: 'tok_declined' }],
    ['quantity', { lines: [{ sku: 'TEA-GREEN', quantity: 3 }] }],
    ['article', { lines: [{ sku: 'TEA-BLACK', quantity: 2 }] }],
  ])('differs by %s', (_, change) => {
    expect(fingerprintOf({ ...placement, ...change })).not.toBe(fingerprintOf(placement));
  });

  test('does not show the card', () => {
    expect(fingerprintOf(placement)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('an order', () => {
  test('ends with shipping or a refusal, and with nothing else', () => {
    const declined = decline(pending, 'OUT_OF_STOCK', 2000);
    expect([pending, confirmed, declined, shipped].map(isFinal)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test('changed last when it came to its present status', () => {
    expect([pending, confirmed, shipped].map(changedAtMs)).toEqual([1000, 2000, 3000]);
  });

  test('is shown as it is now to whoever sees it first', () => {
    expect(changesSince(shipped, undefined)).toEqual([shipped]);
  });

  test('tells a watcher every status that was missed between two looks', () => {
    expect(changesSince(shipped, 'pending')).toEqual([confirmed, shipped]);
    expect(changesSince(shipped, 'confirmed')).toEqual([shipped]);
    expect(changesSince(confirmed, 'pending')).toEqual([confirmed]);
    expect(changesSince(decline(pending, 'X', 2000), 'pending')).toHaveLength(1);
  });

  test('tells a watcher nothing twice', () => {
    for (const order of [pending, confirmed, shipped]) {
      expect(changesSince(order, order.status)).toEqual([]);
    }
  });

  test('answers a repeated request with its decision, whatever came after', () => {
    expect(decisionOf(shipped)).toEqual(confirmed);
    expect(decisionOf(confirmed)).toBe(confirmed);
  });

  test('that cannot be decided is tried again every second, and more rarely if that is no use', () => {
    const pauses = [0, 1, 2, 3, 7, 8, 50].map(retryDelayMs);
    expect(pauses).toEqual([1000, 1000, 2000, 4000, 64_000, 64_000, 64_000]);
  });
});
