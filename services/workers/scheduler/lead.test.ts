import { expect, test } from '@jest/globals';
import { type Events, openStore, systemClock } from '#mesh';
import { sendDue } from './lead.ts';
import { createPlan } from './store.ts';
import { type SchedulerDb, schedulerMigrations } from './tables.ts';

test('a leader that was asleep while another one began sends nothing', async () => {
  const store = await openStore<SchedulerDb>({
    ...{ url: 'sqlite::memory:', migrations: schedulerMigrations },
  });
  const plan = createPlan(store);
  const sent: unknown[] = [];
  const send = (_tx: unknown, _type: unknown, message: unknown): Promise<string> => {
    sent.push(message);
    return Promise.resolve('id');
  };
  // Only what a leader uses of the events.
  const events = { send } as unknown as Events<SchedulerDb>;
  const options = { store, plan, events, clock: systemClock, who: 's1' };
  await plan.putSchedule({ scheduleId: 'tidy', everyMs: 1, workMs: 0, nextAt: 0, count: 0 });
  const asleep = await plan.takeFence('s1');
  expect(await sendDue(options, asleep)).toBe(true);
  expect(sent).toEqual([{ jobId: 'tidy-1', workMs: 0 }]);
  await plan.takeFence('s2');
  expect(await sendDue(options, asleep)).toBe(false);
  expect(sent).toHaveLength(1);
  await store.close();
});
