import { expect, test } from '@jest/globals';
import { countFigures, pageNow, pages, withFigures } from './figures.ts';
import type { Result } from './result-file.ts';

const bench: Result = {
  ...{ command: 'make bench', commit: '0123456', machine: '2 x Processor' },
  at: '2026-11-21T02:00:00.000Z',
  bars: [{ name: 'lane-x', value: 5.89, op: '>=', bar: 6, unit: 'x' }],
  data: { sections: { unary: { over: [0.1, 0.2] } } },
};
const results = new Map([['bench', bench]]);

test('a quoted figure becomes what was measured, and nothing else changes', () => {
  const page =
    'It is 1<!-- bench/bars/lane-x/value --> x and 7 | 9.5<!-- bench/sections/unary/over/1 --> |';
  expect(withFigures(page, results)).toBe(
    'It is 5.89<!-- bench/bars/lane-x/value --> x and 7 | 0.2<!-- bench/sections/unary/over/1 --> |',
  );
});

test('a figure that nobody measured is refused', () => {
  expect(() => withFigures('1<!-- bench/bars/lane-y/value -->', results)).toThrow(
    'lab/results/bench.json has no figure at bars/lane-y/value',
  );
  expect(() => withFigures('1<!-- nothing/bars/x/value -->', results)).toThrow('nothing.json');
});

test('the pages quote what was measured last: else node lab/figures.ts', () => {
  const stale = pages().filter((page) => {
    const { is, should } = pageNow(page);
    return is !== should;
  });
  expect(stale).toEqual([]);
  expect(countFigures(pageNow('docs/coming-from.md').is)).toBeGreaterThan(25);
});
