import { expect, test } from '@jest/globals';
import { parseSince, timeAgo } from './since.ts';

const now = Date.UTC(2025, 5, 1, 12);

test.each([
  ['30s', now - 30_000],
  ['30m', now - 1_800_000],
  ['2h', now - 7_200_000],
  ['7d', now - 604_800_000],
  ['2025-06-01T11:59Z', now - 60_000],
])('since %s', (text, ms) => {
  expect(parseSince(text, now)).toBe(ms);
});

test.each(['', 'yesterday', '2 h', '-1h'])('%j is no time', (text) => {
  expect(() => parseSince(text, now)).toThrow(/how long ago/);
});

test.each([
  [0, '0 s ago'],
  [59_999, '59 s ago'],
  [60_000, '1 min ago'],
  [7_199_999, '1 h ago'],
  [604_800_000, '7 d ago'],
  // A clock that is ahead of ours.
  [-5_000, '0 s ago'],
])('%s ms before is %s', (ms, text) => {
  expect(timeAgo(now - ms, now)).toBe(text);
});
