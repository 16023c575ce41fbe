import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { createShares } from './shares.ts';

const counts = (draw: () => number, legs: number, calls: number): number[] => {
  const got = new Array<number>(legs).fill(0);
  for (let call = 0; call < calls; call++) {
    const leg = draw();
    got[leg] = (got[leg] ?? 0) + 1;
  }
  return got;
};

describe('shares of calls', () => {
  const weights = fc
    .array(fc.oneof(fc.nat(100), fc.double({ min: 0.01, max: 100, noNaN: true })), {
      minLength: 1,
      maxLength: 6,
    })
    .filter((all) => all.some((weight) => weight > 0));

  test('hold within 0.2 % of the calls over 10 000, whatever the weights', () => {
    const property = fc.property(weights, fc.nat(), (all, seed) => {
      const total = all.reduce((sum, weight) => sum + weight, 0);
      const got = counts(createShares(all, createSeededRandom(seed)), all.length, 10_000);
      for (const [leg, weight] of all.entries()) {
        expect(Math.abs((got[leg] ?? 0) / 10_000 - weight / total)).toBeLessThan(0.002);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  test('hold over every short run too: never 4 calls off in 100', () => {
    const property = fc.property(weights, fc.nat(), fc.nat(5_000), (all, seed, skipped) => {
      const total = all.reduce((sum, weight) => sum + weight, 0);
      const draw = createShares(all, createSeededRandom(seed));
      counts(draw, all.length, skipped);
      const got = counts(draw, all.length, 100);
      for (const [leg, weight] of all.entries()) {
        expect(Math.abs((got[leg] ?? 0) - (100 * weight) / total)).toBeLessThan(4);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  test('do not resonate with a caller that calls by turns', () => {
    for (const period of [2, 3, 5, 8, 10]) {
      const draw = createShares([50, 50], createSeededRandom(period));
      const first = Array.from({ length: 1_000 * period }, () => draw()).filter(
        (_, call) => call % period === 0,
      );
      const share = first.filter((leg) => leg === 0).length / first.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.02);
    }
  });

  test('give a leg of weight 0 nothing', () => {
    expect(counts(createShares([0, 100, 0], createSeededRandom(1)), 3, 1_000)).toEqual([
      0, 1_000, 0,
    ]);
  });

  test('do not begin alike in two processes', () => {
    const starts = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
      const draw = createShares([50, 50], createSeededRandom(seed));
      return Array.from({ length: 4 }, () => draw()).join('');
    });
    expect(new Set(starts).size).toBeGreaterThan(1);
  });
});
