import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { advance, backoffMs, blockTimeoutMs, createPace } from './blocking.ts';

describe('the index of a blocking query', () => {
  test('is the one of the answer when that is newer', () => {
    expect(advance(0n, '7')).toEqual({ step: 'advanced', next: 7n });
    expect(advance(7n, '18446744073709551615')).toEqual({
      step: 'advanced',
      next: 18_446_744_073_709_551_615n,
    });
  });

  test('stays when nothing changed', () => {
    expect(advance(7n, '7')).toEqual({ step: 'unchanged', next: 7n });
  });

  test('starts again from 0 when the answer is older', () => {
    expect(advance(7n, '6')).toEqual({ step: 'regressed', next: 0n });
  });

  test.each(['0', undefined, '', '-1', '1e3', '99999999999999999999999', 'seven'])(
    'takes %j for 1, because 0 would not block',
    (header) => {
      expect(advance(0n, header)).toEqual({ step: 'advanced', next: 1n });
      expect(advance(1n, header)).toEqual({ step: 'unchanged', next: 1n });
      expect(advance(7n, header)).toEqual({ step: 'regressed', next: 0n });
    },
  );

  test('follows an honest server whatever was answered before', () => {
    const header = fc.option(fc.oneof(fc.string(), fc.bigInt({ min: 0n, max: 99n }).map(String)), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.array(header), fc.bigInt({ min: 1n, max: 99n }), (lies, honest) => {
        let index = 0n;
        for (const lie of lies) index = advance(index, lie).next;
        // One request finds out that the index went back, the next one is in step.
        for (let i = 0; i < 2; i++) index = advance(index, String(honest)).next;
        return index === honest;
      }),
    );
  });
});

describe('the pause after an answer', () => {
  test('is none for five pieces of news in a row, then a fifth of a second each', () => {
    const pace = createPace();
    const pauses = [0, 0, 0, 0, 0, 0, 200].map((nowMs) => pace.pauseMs('advanced', nowMs, nowMs));
    expect(pauses).toEqual([0, 0, 0, 0, 200, 400, 400]);
    // Quiet for a while, it is free again.
    expect(pace.pauseMs('advanced', 10_000, 10_000)).toBe(0);
  });

  test('is a second where there was no news, two where the server lost its memory, less the wait', () => {
    expect(createPace().pauseMs('unchanged', 0, 0)).toBe(1_000);
    expect(createPace().pauseMs('regressed', 0, 0)).toBe(2_000);
    expect(createPace().pauseMs('unchanged', 0, 30_000)).toBe(0);
    const pace = createPace();
    pace.pauseMs('unchanged', 0, 30_000);
    expect(pace.pauseMs('unchanged', 30_000, 30_400)).toBe(600);
  });

  test('lets no server have more than 5 requests a second for long', () => {
    const step = fc.constantFrom('advanced', 'unchanged', 'regressed');
    const property = fc.property(fc.array(step, { minLength: 1 }), (steps) => {
      const pace = createPace();
      let nowMs = 0;
      let requests = 0;
      while (nowMs < 10_000) {
        const answer = steps[requests++ % steps.length] ?? 'unchanged';
        nowMs += pace.pauseMs(answer, nowMs, nowMs);
      }
      return requests <= 50 + 5;
    });
    fc.assert(property);
  });
});

describe('the pause after failures', () => {
  test('doubles from half a second to three, and never exceeds four', () => {
    const middle = { next: () => 0.5, hex: () => '' };
    const pauses = [1, 2, 3, 4, 5, 1_000_000].map((failures) => backoffMs(failures, middle));
    expect(pauses).toEqual([500, 1_000, 2_000, 3_000, 3_000, 3_000]);
    const random = createSeededRandom(7);
    const spread = Array.from({ length: 1_000 }, () => backoffMs(9, random));
    expect(Math.min(...spread)).toBeGreaterThanOrEqual(2_400);
    expect(Math.max(...spread)).toBeLessThanOrEqual(3_600);
    expect(Math.max(...spread) - Math.min(...spread)).toBeGreaterThan(1_000);
  });
});

test('a request outlasts the wait and the sixteenth that Consul may add', () => {
  expect(blockTimeoutMs(32_000)).toBe(39_000);
});
