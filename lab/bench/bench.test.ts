import { expect, test } from '@jest/globals';
import { renderTables } from '../suite/document.ts';
import { median, percentile, spreadOf } from '../suite/stats.ts';
import { barsOf } from '../suite/suite.ts';
import { rows } from './bars.ts';
import type { Block, Side } from './block.ts';
import { inTurn, interleave, ratio } from './rounds.ts';
import { suite } from './suite.ts';
import { createWork, seeded } from './work.ts';

test('the middle of what was measured; what could not be measured is left out', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([Number.NaN, 5])).toBe(5);
  expect(median([])).toBeNaN();
  expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3);
  expect(percentile([5, 1, 4, 2, 3], 0.99)).toBe(5);
  expect(spreadOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).toEqual({ median: 5.5, p10: 1, p90: 9 });
});

test('a ratio is taken within each round, so that a slow minute is in both its halves', async () => {
  const machine = [1, 4, 1, 4, 1];
  const side = (name: string, factor: number): Side => {
    // The first block is not looked at.
    let round = -1;
    return {
      name,
      async block() {
        const slow = machine[round++] ?? 1;
        return { ...nothing, clientUs: 100 * factor * slow };
      },
      close: () => Promise.resolve(),
    };
  };
  const sides = [side('a', 1), side('b', 0.25)];
  const traffic = { callers: 1, issue: () => Promise.resolve() };
  const blocks = await interleave(sides, traffic, { rounds: 5, ms: 1 });
  expect(ratio(blocks, ['b', 'a'], 'clientUs')).toEqual({ median: 0.25, p10: 0.25, p90: 0.25 });
});

const nothing: Block = {
  perSecond: 1,
  clientUs: 1,
  serverUs: 1,
  allocBytes: 1,
  p50Ms: 1,
  p99Ms: 1,
  callsPerWrite: 1,
  answersPerWrite: 1,
};

test('everyone goes first now and then', () => {
  const firsts = Array.from({ length: 6 }, (_, round) => inTurn(['a', 'b', 'c'], round)[0]);
  expect(new Set(firsts)).toEqual(new Set(['a', 'b', 'c']));
});

test('a seed repeats its numbers', () => {
  const [one, other] = [seeded(7), seeded(7)];
  const numbers = Array.from({ length: 1000 }, one);
  expect(Array.from({ length: 1000 }, other)).toEqual(numbers);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
});

test('a server that is slowed down takes its time until it is told otherwise', async () => {
  const work = createWork(1);
  work.slowDown(30);
  const begin = performance.now();
  await work.wait();
  // A timer may fire up to a millisecond early.
  expect(performance.now() - begin).toBeGreaterThan(28);
  work.slowDown(0);
  await work.wait();
});

test('bars stand in the order in which they were set, and only where something was measured', () => {
  expect(barsOf(rows, { 'heap-1e6-x': 1, 'lane-32-client-cpu-x': 0.1, other: 3 })).toEqual([
    { name: 'lane-32-client-cpu-x', value: 0.1, op: '<=', bar: 0.15, unit: 'x' },
    { name: 'heap-1e6-x', value: 1, op: '<=', bar: 1.05, unit: 'x' },
  ]);
});

test('the document says of every bar how it stands', () => {
  const kept = {
    commit: '0123456789abcdef',
    at: '2026-11-21T04:39:00.041Z',
    seconds: 7,
    figures: {},
  };
  const line = { perSecond: 5000, clientUs: 170 };
  const sides = { bare: line, lane: { ...line, over: { clientUs: [0.1, 0.11, 0.12] } } };
  const text = renderTables(suite, {
    command: 'make bench',
    commit: '0123456',
    machine: '2 x Processor',
    at: kept.at,
    bars: barsOf(rows, { 'lane-32-client-cpu-x': 0.11, 'pick-3-ns': 120 }),
    data: { sections: { unary: { ...kept, data: { inFlight: { 32: sides } } } } },
  });
  expect(text).toContain('| `lane-32-client-cpu-x` | 0.11 | <= 0.15 x | holds |');
  expect(text).toContain('| `pick-3-ns` | 120 | <= 100 ns | **falls short** |');
  expect(text).toContain('| `heap-1e6-x` | not measured | <= 1.05 x |  |');
  expect(text).toContain('| lane | 5000 | - | - | 170 | - | - | - | 0.11 |');
  expect(text).toContain('| unary | 2026-11-21T04:39:00.041Z | `0123456789ab` | 7 s |');
  for (const [name] of rows) expect(text).toContain(`\`${name}\``);
  expect(renderTables(suite, undefined)).toContain('make bench');
});
