import { expect, test } from '@jest/globals';
import { createThrottle } from './throttle.ts';

const open = () => createThrottle({ perSecond: 2, dailyQuota: 3, dayMs: 10_000 });

test('what is too much for a second may come with the next one', () => {
  const throttle = open();
  expect([throttle.take(100), throttle.take(200)]).toEqual([undefined, undefined]);
  expect(throttle.take(300)).toEqual({ because: 'rate', retryAfterMs: 700 });
  expect(throttle.take(1000)).toBeUndefined();
});

test('what is too much for a day may come with the next one, and is not counted', () => {
  const throttle = open();
  for (const nowMs of [0, 1, 1000]) expect(throttle.take(nowMs)).toBeUndefined();
  expect(throttle.take(4000)).toEqual({ because: 'quota', retryAfterMs: 6000 });
  for (const nowMs of [10_000, 10_001, 11_000]) expect(throttle.take(nowMs)).toBeUndefined();
});
