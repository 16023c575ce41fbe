import { expect, test } from '@jest/globals';
import { due, jobIdOf, type Schedule } from './schedule.ts';

const hourly: Schedule = { scheduleId: 'tidy', everyMs: 100, workMs: 5, nextAt: 1_000, count: 3 };

test('a job is due at its time, and the next one a period later', () => {
  expect(due(hourly, 999)).toBeUndefined();
  expect(due(hourly, 1_000)).toEqual({ ...hourly, nextAt: 1_100, count: 4 });
  expect(jobIdOf({ ...hourly, count: 4 })).toBe('tidy-4');
});

test('what was missed is done once, and the beat is kept', () => {
  expect(due(hourly, 1_345)).toEqual({ ...hourly, nextAt: 1_400, count: 4 });
});
