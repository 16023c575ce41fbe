import { describe, expect, test } from '@jest/globals';
import type { Fate, Question } from './front.ts';
import { summarize } from './summary.ts';

const fault = { fromMs: 1000, toMs: 2000 };

/** A question each 100 ms; a letter for what became of it: in time, late, error, none. */
function questions(letters: string): Question[] {
  const fates: Record<string, Fate> = { i: 'in time', l: 'late', e: 'error', n: 'none' };
  return [...letters].map((letter, i) => ({
    sentMs: i * 100,
    tookMs: letter === 'l' ? 1500 : 10,
    fate: fates[letter] ?? 'none',
    ...(letter === 'e' && { status: 'UNAVAILABLE' }),
  }));
}

const well = 'i'.repeat(40);

describe('a run', () => {
  test('in which nothing happened was never disturbed', () => {
    expect(summarize({ questions: questions(well), inFlight: [] }, fault)).toMatchObject({
      inTime: 1,
      disturbedMs: 0,
      recoveryMs: 0,
      recovered: true,
    });
  });

  test('has recovered with the last question that was not answered in time', () => {
    const told = questions(`${'i'.repeat(10)}${'e'.repeat(5)}${'l'.repeat(8)}${well}`);
    expect(summarize({ questions: told, inFlight: [] }, fault)).toMatchObject({
      fates: { 'in time': 50, late: 8, error: 5, none: 0 },
      errors: { UNAVAILABLE: 5 },
      inTimeDuringFault: 0,
      disturbedMs: 1200,
      recoveryMs: 200,
      recovered: true,
      longestMs: 1500,
    });
  });

  test('that is bad until its end has not recovered', () => {
    const told = questions(`${well}${'n'.repeat(10)}`);
    expect(summarize({ questions: told, inFlight: [] }, fault).recovered).toBe(false);
  });

  test('tells the most that piled up at each member', () => {
    const inFlight = [
      [1, 5, 2],
      [3, 1, 1],
    ] as const;
    expect(summarize({ questions: [], inFlight }, fault).piledUp).toEqual([3, 5, 2]);
  });
});
