import { expect, test } from '@jest/globals';
import { retryDelayMs } from './retry-delay.ts';

const random = (next: number) => ({ next: () => next, hex: () => '' });
const delays = { firstMs: 1_000, longestMs: 60_000 };

test('the wait doubles with each failure up to the longest', () => {
  const middle = [1, 2, 3, 4, 7, 2_000].map((n) => retryDelayMs(n, delays, random(0.5)));
  expect(middle).toEqual([1_000, 2_000, 4_000, 8_000, 60_000, 60_000]);
});

test('chance moves it by up to a fifth either way', () => {
  expect(retryDelayMs(1, delays, random(0))).toBeCloseTo(800);
  expect(retryDelayMs(1, delays, random(0.999_999))).toBeCloseTo(1_200, 0);
});
