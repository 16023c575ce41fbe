import { expect, test } from '@jest/globals';
import { fromTimestamp, toTimestamp } from './timestamp.ts';

test.each([
  [0, 0n, 0],
  [1_750_000_000_123, 1_750_000_000n, 123_000_000],
  // Nanoseconds count forward, also before 1970 (timestamp.proto).
  [-1, -1n, 999_000_000],
])('%s ms are %s s and %s ns, and back', (wallMs, seconds, nanos) => {
  expect(toTimestamp(wallMs)).toEqual({ seconds, nanos });
  expect(fromTimestamp({ seconds, nanos })).toBe(wallMs);
});
