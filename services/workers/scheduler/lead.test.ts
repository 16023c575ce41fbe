import { beforeEach, expect, test } from '@jest/globals';
import { type Events, type Store, systemClock } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import { sendDue } from './lead.ts';
import type { Schedule } from './schedule.ts';
import { createPlan, type Plan } from './store.ts';
import { type SchedulerDb, schedulerMigrations } from './tables.ts';

onEachDatabase<SchedulerDb>(schedulerMigrations, (database) => {
  let store: Store<SchedulerDb>;
  let plan: Plan;
  let sent: unknown[];
  beforeEach(async () => {
    store = await database.open();
    plan = createPlan(store);
    sent = [];
  });

  // Only what a leader uses of the events.
  const events = {
    send(_tx: unknown, _type: unknown, message: unknown): Promise<string> {
      sent.push(message);
      return Promise.resolve('id');
    },
  } as unknown as Events<SchedulerDb>;
  const options = (who: string, by: Plan = plan) => {
    return { store, plan: by, events, clock: systemClock, who };
  };
  const tidy: Schedule = { scheduleId: 'tidy', everyMs: 1, workMs: 0, nextAt: 0, count: 0 };

  test('a leader that was asleep while another one began sends nothing', async () => {
    await plan.putSchedule(tidy);
    const asleep = await plan.takeFence('s1');
    expect(await sendDue(options('s1'), asleep)).toBe(true);
    expect(sent).toEqual([{ jobId: 'tidy-1', workMs: 0 }]);
    await plan.takeFence('s2');
    expect(await sendDue(options('s1'), asleep)).toBe(false);
    expect(sent).toHaveLength(1);
  });

  test('a schedule that is deleted and put again goes on with the next number', async () => {
    const term = await plan.takeFence('s1');
    await plan.putSchedule(tidy);
    await sendDue(options('s1'), term);
    await plan.deleteSchedule('tidy');
    await sendDue(options('s1'), term);
    expect(sent).toHaveLength(1);
    await plan.putSchedule({ ...tidy, workMs: 5 });
    await sendDue(options('s1'), term);
    expect(sent).toEqual([
      { jobId: 'tidy-1', workMs: 0 },
      { jobId: 'tidy-2', workMs: 5 },
    ]);
  });

  test('a number that somebody has used for a job of his own is passed over, and nothing is left out', async () => {
    const term = await plan.takeFence('s1');
    await plan.putSchedule(tidy);
    const taken = { job_id: 'tidy-1', sent_at: 1, sent_by: 'me' };
    await store.transaction((tx) => plan.addJob(tx, taken));
    await sendDue(options('s1'), term);
    expect(sent).toEqual([{ jobId: 'tidy-2', workMs: 0 }]);
    const [kept] = await store.transaction((tx) => plan.schedules(tx));
    expect(kept?.count).toBe(2);
  });

  test('a schedule that is put anew while the leader looks at the old one goes by the new one', async () => {
    await plan.putSchedule({ ...tidy, everyMs: 3_600_000 });
    const term = await plan.takeFence('s1');
    const elsewhere = createPlan(await database.open());
    const anew = { ...tidy, everyMs: 100, nextAt: 5 };
    let putting: Promise<void> | undefined;
    const slow: Plan = {
      ...plan,
      async schedules(tx) {
        const found = await plan.schedules(tx);
        // On SQLite it has to wait for the leader, on PostgreSQL it is faster.
        putting ??= elsewhere.putSchedule(anew);
        if (store.dialect === 'postgres') await putting;
        return found;
      },
    };
    await sendDue(options('s1', slow), term);
    await putting;
    const [kept] = await store.transaction((tx) => plan.schedules(tx));
    expect(kept).toMatchObject({ everyMs: 100, nextAt: 5 });
  });
});
