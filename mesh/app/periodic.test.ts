import { expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { eventually } from '../testing/eventually.ts';
import { runPeriodically } from './periodic.ts';

test('a task runs again after it failed, and never after close', async () => {
  let runs = 0;
  const job = runPeriodically({
    everyMs: 1,
    name: 'a test',
    clock: systemClock,
    log: silentLog,
    task: () => {
      runs++;
      return runs === 1 ? Promise.reject(new Error('once')) : Promise.resolve();
    },
  });
  await eventually(() => runs >= 3);
  await job.close();
  const atClose = runs;
  await systemClock.sleep(10);
  expect(runs).toBe(atClose);
});

test('close aborts a task that waits, and resolves when it ended', async () => {
  let ended = false;
  const job = runPeriodically({
    everyMs: 60_000,
    name: 'a test',
    clock: systemClock,
    log: silentLog,
    task: async (signal) => {
      await systemClock.sleep(60_000, signal).catch(() => undefined);
      ended = true;
    },
  });
  await job.close();
  expect(ended).toBe(true);
});
