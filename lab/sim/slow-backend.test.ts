import { expect, test } from '@jest/globals';
import { slowBackend } from './slow-backend.ts';

const seeds = [1, 2, 3];

test.each(seeds)('one slow backend of eleven costs less than a call in a thousand (%d)', (seed) => {
  const weft = slowBackend({ strategy: 'peak-ewma', seed });
  expect(weft.calls).toBeGreaterThan(59_000);
  expect(weft.success).toBeGreaterThanOrEqual(0.9995);
});

test.each(seeds)('without ejection the choice alone tells the strategies apart (%d)', (seed) => {
  const success = (strategy: 'peak-ewma' | 'least-request' | 'round-robin'): number =>
    slowBackend({ strategy, seed, ejection: false }).success;
  expect(success('peak-ewma')).toBeGreaterThanOrEqual(0.999);
  expect(success('least-request')).toBeLessThan(0.999);
  // An eleventh of the calls of half the time.
  expect(success('round-robin')).toBeLessThan(0.96);
});
