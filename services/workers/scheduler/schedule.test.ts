import { expect, test } from '@jest/globals';
import { due, type Schedule } from './schedule.ts';

const hourly: Schedule = { scheduleId: 'tidy', everyMs: 100, workMs: 5, nextAt: 1_000, count: 3 };

test('a job is due at its time, and the next one a period later', () => {
  expect(due(hourly, 999)).toBeUndefined();
  const found = due(hourly, 1_000);
  expect(found?.jobId).toBe('tidy-4');
  expect(found?.after).toEqual({ ...hourly, nextAt: 1_100, count: 4 });
});

test('what was missed is done once, and the beat is kept', () => {
  expect(due(hourly, 1_345)?.after).toEqual({ ...hourly, nextAt: 1_400, count: 4 });
});
