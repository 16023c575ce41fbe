import { expect, test } from '@jest/globals';
import type { Result } from './result-file.ts';
import { describeResults } from './results-table.ts';

const ground: Result = {
  command: 'make ground',
  commit: '0123456',
  machine: '2 x Processor',
  at: '2026-11-21T02:00:00.000Z',
  bars: [
    { name: 'up-cold-s', value: 41.5, op: '<=', bar: 90, unit: 's' },
    { name: 'kill9-lost', value: 2, op: '<=', bar: 0, unit: 'orders' },
  ],
  data: null,
};

test('each bar is told whether it holds, and one that falls short makes the whole fall short', () => {
  expect(describeResults(new Map([['ground', ground]]))).toEqual({
    text: [
      'ground: make ground, 2026-11-21T02:00:00.000Z, commit 0123456',
      '  2 x Processor',
      '  holds        up-cold-s        41.5 <= 90 s',
      '  falls short  kill9-lost          2 <= 0 orders',
      '',
      '1 of 2 fall short',
    ].join('\n'),
    allHold: false,
  });
});

test('when every bar holds, the whole does', () => {
  const results = new Map([['ground', { ...ground, bars: ground.bars.slice(0, 1) }]]);
  const { text, allHold } = describeResults(results);
  expect(text).toMatch(/\n\nall 1 hold$/);
  expect(allHold).toBe(true);
});

test('where nothing was measured, nothing falls short', () => {
  const text = 'nothing is measured yet: make ground';
  expect(describeResults(new Map())).toEqual({ text, allHold: true });
});
