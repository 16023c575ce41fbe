import { describe, expect, test } from '@jest/globals';
import { formatMoney, textOf } from './notification.ts';

describe('the message to a customer', () => {
  test('of a confirmed order names the goods and the price', () => {
    const lines = [
      { sku: 'TEA-GREEN', quantity: 2 },
      { sku: 'MUG-WHITE', quantity: 1 },
    ];
    const total = { minorUnits: 2100n, currency: 'EUR' };
    expect(textOf({ kind: 'confirmed', orderId: 'ord_1', lines, total })).toBe(
      'Thank you! Your order ord_1 is confirmed: 2 x TEA-GREEN, 1 x MUG-WHITE, 21.00 EUR.',
    );
  });

  test.each([
    ['OUT_OF_STOCK', 'an article is sold out'],
    ['UNKNOWN_SKU', 'an article is not in our catalogue'],
    ['CARD_DECLINED', 'your card was declined'],
    ['AMOUNT_TOO_HIGH', 'the amount is higher than your card allows'],
    ['A_NEW_REASON', 'A_NEW_REASON'],
  ])('of an order declined for %s says why in words', (reason, words) => {
    expect(textOf({ kind: 'declined', orderId: 'ord_1', reason })).toBe(
      `We are sorry: your order ord_1 was declined, because ${words}. You were not charged.`,
    );
  });

  test('of a shipped order says so', () => {
    expect(textOf({ kind: 'shipped', orderId: 'ord_1' })).toBe(
      'Your order ord_1 is packed and on its way to you.',
    );
  });
});

test.each([
  [5n, 'EUR', '0.05 EUR'],
  [123456789012345678n, 'EUR', '1234567890123456.78 EUR'],
  [-1250n, 'EUR', '-12.50 EUR'],
  [500n, 'JPY', '500 JPY'],
  [1234n, 'KWD', '1.234 KWD'],
])('%s minor units of %s read "%s"', (minorUnits, currency, text) => {
  expect(formatMoney({ minorUnits, currency })).toBe(text);
});
