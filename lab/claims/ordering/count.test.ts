import { expect, test } from '@jest/globals';
import { countTurns } from './count.ts';

const effects = (text: string): { player: string; number: number }[] =>
  text.split(' ').map((each) => ({ player: each.charAt(0), number: Number(each.slice(1)) }));

test('turns of different players may come in any order', () => {
  const count = countTurns(effects('a1 b1 b2 a2'), 4);
  expect(count).toEqual({ turns: 4, outOfOrder: 0, again: 0, missing: 0 });
});

test('each turn that comes after a later one of its player counts', () => {
  expect(countTurns(effects('a3 a1 a2 b1'), 4)).toMatchObject({ outOfOrder: 2, missing: 0 });
});

test('what happens again and what never happens is seen', () => {
  expect(countTurns(effects('a1 a1 a3'), 3)).toMatchObject({ again: 1, missing: 1 });
});
