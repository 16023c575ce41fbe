import { describe, expect, test } from '@jest/globals';
import { type Charge, decide, declinedToken, maxAmount, sameAmount } from './payment.ts';

const charge = (minorUnits: number, cardToken = 'tok_visa'): Charge => ({
  orderId: 'ord_1',
  customerId: 'ada',
  amount: { minorUnits, currency: 'EUR' },
  cardToken,
});

describe('a charge', () => {
  test('up to the limit is taken', () => {
    expect(decide(charge(maxAmount), 'pay_1', 5)).toEqual({
      paymentId: 'pay_1',
      orderId: 'ord_1',
      customerId: 'ada',
      amount: { minorUnits: maxAmount, currency: 'EUR' },
      decidedAtMs: 5,
      status: 'charged',
    });
  });

  test('above the limit is refused as too high', () => {
    expect(decide(charge(maxAmount + 1), 'pay_1', 5)).toMatchObject({
      status: 'declined',
      reason: 'AMOUNT_TOO_HIGH',
    });
  });

  test('to the declined card is refused, and the card is asked before the amount', () => {
    for (const amount of [1, maxAmount + 1]) {
      expect(decide(charge(amount, declinedToken), 'pay_1', 5)).toMatchObject({
        status: 'declined',
        reason: 'CARD_DECLINED',
      });
    }
  });
});

test('amounts are the same when units and currency are', () => {
  const amount = { minorUnits: 1, currency: 'EUR' };
  expect(sameAmount(amount, { ...amount })).toBe(true);
  expect(sameAmount(amount, { ...amount, minorUnits: 2 })).toBe(false);
  expect(sameAmount(amount, { ...amount, currency: 'USD' })).toBe(false);
});
