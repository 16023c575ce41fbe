import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createScratch, type Scratch } from './checks/scratch.ts';
import { type Bar, barHolds, readResults, writeResult } from './result-file.ts';

let scratch: Scratch;

beforeEach(() => {
  scratch = createScratch();
});

afterEach(() => scratch.close());

const upCold: Bar = { name: 'up-cold-s', value: 41.5, op: '<=', bar: 90, unit: 's' };
const write = (bars: readonly Bar[]): Promise<string> =>
  writeResult({ name: 'ground', command: 'make ground', bars, data: [1], directory: scratch.root });

describe('a bar', () => {
  test.each<[number, Bar['op'], number, boolean]>([
    [90, '<=', 90, true],
    [90.1, '<=', 90, false],
    [5, '>=', 5, true],
    [4.9, '>=', 5, false],
  ])('%d %s %d: %s', (value, op, bar, expected) => {
    expect(barHolds({ name: 'x', unit: '', value, op, bar })).toBe(expected);
  });
});

describe('a result file', () => {
  test('carries the figures with commit, machine and time, and is read back as it was', async () => {
    const path = await write([upCold]);
    const text: unknown = JSON.parse(readFileSync(path, 'utf8'));
    expect(text).toEqual({
      command: 'make ground',
      commit: expect.stringMatching(/^([0-9a-f]{40}(-dirty)?|unknown)$/),
      machine: expect.stringContaining(process.version),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      bars: [upCold],
      data: [1],
    });
    expect(readResults(scratch.root)).toEqual(new Map([['ground', text]]));
  });

  test('is not written for a figure that is not a number', async () => {
    await expect(write([{ ...upCold, value: Number.NaN }])).rejects.toThrow('NaN');
    expect(readResults(scratch.root).size).toBe(0);
  });

  test('of another shape is refused by its name', () => {
    scratch.write({ 'odd.json': JSON.stringify({ bars: [] }) });
    expect(() => readResults(scratch.root)).toThrow(/^odd\.json: /);
  });

  test('in lab/results is of the shape', () => {
    expect(() => readResults()).not.toThrow();
  });
});
