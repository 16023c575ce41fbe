import { expect, test } from '@jest/globals';
import { oneLine } from './one-line.ts';

test('a foreign text becomes one line without control characters, and not a long one', () => {
  expect(oneLine('no shelf:\r\n  7\0 \ud800 é')).toBe('no shelf: 7 é');
  expect(oneLine('x'.repeat(10_000)).length).toBe(500);
});
