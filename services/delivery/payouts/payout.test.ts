import { expect, test } from '@jest/globals';
import { payoutOf } from './payout.ts';

test('a courier gets something for each delivery, and the bonuses', () => {
  const known = { deliveries: 3, asOfMs: 1_000, source: 'copy' } as const;
  expect(payoutOf(known, 300, 61_000)).toEqual({
    ...{ deliveryCents: 1200, bonusCents: 300, ageMs: 60_000 },
  });
});

test('what was written by a clock that is ahead is not older than new', () => {
  expect(payoutOf({ deliveries: 0, asOfMs: 5, source: 'copy' }, 0, 4).ageMs).toBe(0);
});
