/** The scheduler's instances and the workers in one process, over memory in place of Consul and NATS. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { JobState, SchedulerServiceDefinition } from '#gen/workers/scheduler/v1/scheduler.ts';
import { WorkerServiceDefinition } from '#gen/workers/worker/v1/worker.ts';
import type { Client } from '#mesh';
import { onEachDialect } from '../../mesh/testing/databases.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../mesh/testing/in-process.ts';
import { schedulerParts } from './scheduler/parts.ts';
import { type SchedulerDb, schedulerMigrations } from './scheduler/tables.ts';
import { workerParts } from './worker/parts.ts';
import { type WorkerDb, workerMigrations } from './worker/store.ts';

onEachDialect((urlOf) => {
  let mesh: InProcessMesh;
  let scheduler: Client<SchedulerServiceDefinition>;
  let worker: Client<WorkerServiceDefinition>;
  beforeEach(() => {
    mesh = createInProcessMesh();
    scheduler = mesh.client(SchedulerServiceDefinition);
    worker = mesh.client(WorkerServiceDefinition);
  });
  afterEach(() => mesh.close());

  const startScheduler = async (who: string) =>
    mesh.start<SchedulerDb>({
      ...{ name: 'scheduler', store: await urlOf('scheduler') },
      migrations: schedulerMigrations,
      build: (tools) => schedulerParts(tools, { who }),
    });
  const startWorker = async (name: string) =>
    mesh.start<WorkerDb>({
      ...{ name: 'worker', store: await urlOf('worker') },
      migrations: workerMigrations,
      build: (tools) => workerParts(tools, { worker: name, ackWaitMs: 5_000, concurrency: 1 }),
    });
  const jobs = async (prefix: string) => (await scheduler.listJobs({ prefix })).jobs;

  test('jobs that are submitted twice are done once, by workers who compete', async () => {
    await Promise.all([startScheduler('s1'), startWorker('ada'), startWorker('bob')]);
    const ids = Array.from({ length: 20 }, (_, i) => `job-${String(i)}`);
    for (const jobId of [...ids, ...ids]) await scheduler.submitJob({ jobId, workMs: 20 });
    await eventually(async () =>
      (await jobs('job-')).every(({ state }) => state === JobState.DONE),
    );
    expect((await jobs('job-')).map(({ jobId }) => jobId).sort()).toEqual([...ids].sort());
    const { tries } = await worker.listTries({ prefix: 'job-' });
    expect(tries).toHaveLength(20);
    expect(new Set(tries.map((each) => each.worker))).toEqual(new Set(['ada', 'bob']));
  });

  test('one scheduler sends what is due; when it leaves, the other one goes on with the next number', async () => {
    const first = await startScheduler('s1');
    await eventually(async () => (await scheduler.getLeader({})).instanceId === 's1');
    await startScheduler('s2');
    await startWorker('ada');
    await scheduler.putSchedule({ scheduleId: 'tidy', everyMs: 50, workMs: 0 });
    await eventually(async () => (await jobs('tidy-')).length >= 3);
    await first.close();
    await eventually(async () => (await jobs('tidy-')).some(({ sentBy }) => sentBy === 's2'));
    expect(await scheduler.getLeader({})).toEqual({ instanceId: 's2', term: 2 });
    const sent = await jobs('tidy-');
    const numbers = sent.map(({ jobId }) => Number(jobId.slice('tidy-'.length)));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
    const change = sent.findIndex(({ sentBy }) => sentBy === 's2');
    expect(sent.slice(change).every(({ sentBy }) => sentBy === 's2')).toBe(true);
  });

  test('a prefix is what an id begins with, to the letter', async () => {
    await Promise.all([startScheduler('s1'), startWorker('ada')]);
    for (const jobId of ['a_1', 'ab1', 'A_1']) await scheduler.submitJob({ jobId, workMs: 0 });
    expect((await jobs('a_')).map(({ jobId }) => jobId)).toEqual(['a_1']);
    expect(await jobs('')).toHaveLength(3);
    await eventually(async () => (await worker.listTries({ prefix: '' })).tries.length === 3);
    expect((await worker.listTries({ prefix: 'a_' })).tries).toHaveLength(1);
  });

  test('a schedule that is deleted sends nothing more', async () => {
    await Promise.all([startScheduler('s1'), startWorker('ada')]);
    await scheduler.putSchedule({ scheduleId: 'tidy', everyMs: 50, workMs: 0 });
    await eventually(async () => (await jobs('tidy-')).length >= 1);
    await scheduler.deleteSchedule({ scheduleId: 'tidy' });
    const { length } = await jobs('tidy-');
    await scheduler.putSchedule({ scheduleId: 'other', everyMs: 50, workMs: 0 });
    await eventually(async () => (await jobs('other-')).length >= 2);
    expect(await jobs('tidy-')).toHaveLength(length);
  });
});
