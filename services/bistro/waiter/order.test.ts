import { expect, test } from '@jest/globals';
import { cheapest } from './order.ts';

test('the cheapest offer wins, of equal ones the first; without offers nobody does', () => {
  const ada = { courier: 'ada', priceCents: 500 };
  const bob = { courier: 'bob', priceCents: 400 };
  const eve = { courier: 'eve', priceCents: 400 };
  expect(cheapest([ada, bob, eve])).toBe(bob);
  expect(cheapest([])).toBeUndefined();
});
