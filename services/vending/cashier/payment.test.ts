import { expect, test } from '@jest/globals';
import { decide, voided } from './payment.ts';

const sale = { saleId: 's1', machineId: 'lobby', itemId: 'tea' };

test('the price is taken and the rest is given back', () => {
  expect(decide({ ...sale, priceCents: 150, cents: 200, card: '' })).toMatchObject({
    ...{ status: 'completed', cents: 200, changeCents: 50 },
  });
});

test('of a declined card nothing is taken, and of a void payment neither', () => {
  const declined = decide({ ...sale, priceCents: 150, cents: 200, card: 'tok_declined' });
  expect(declined).toMatchObject({ status: 'refused', cents: 0, reason: 'CARD_DECLINED' });
  expect(voided(sale)).toMatchObject({ status: 'void', cents: 0, changeCents: 0 });
});
