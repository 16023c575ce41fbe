import { expect, test } from '@jest/globals';
import { parseSnapshot, sees } from './snapshot.ts';

test('a look sees what was over when it began', () => {
  const snapshot = parseSnapshot('100:105:101,103');
  const seen = [99, 100, 101, 102, 103, 104, 105, 106].filter((xid) => sees(snapshot, xid));
  expect(seen).toEqual([99, 100, 102, 104]);
});

test('numbers of 32 bits are told apart across the turn of their counter', () => {
  const turn = 2n ** 32n;
  const snapshot = parseSnapshot(`${String(3n * turn - 1n)}:${String(3n * turn + 5n)}:`);
  expect(sees(snapshot, 2 ** 32 - 2)).toBe(true);
  expect(sees(snapshot, 4)).toBe(true);
  expect(sees(snapshot, 5)).toBe(false);
});
