import { expect, test } from '@jest/globals';
import { bonusOf, wasInTime } from './bonus.ts';

const delivery = (minutes: number) => ({ deliveryId: 'd-1', courierId: 'mercury', minutes });

test('half an hour is in time, and more is not', () => {
  expect([0, 30, 31].map((minutes) => wasInTime(delivery(minutes)))).toEqual([true, true, false]);
});

test('a delivery in time earns one bonus, which has its id', () => {
  expect(bonusOf(delivery(30))).toEqual({ bonusId: 'd-1', courierId: 'mercury', cents: 150 });
  expect(bonusOf(delivery(31))).toBeUndefined();
});
