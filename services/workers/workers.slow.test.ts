/**
 * The workers end to end: two schedulers and three workers as `weft up` runs them, a real Consul whose session says
 * who leads, a real nats-server that holds the jobs, and kill -9.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { JobState, SchedulerServiceDefinition } from '#gen/workers/scheduler/v1/scheduler.ts';
import { WorkerServiceDefinition } from '#gen/workers/worker/v1/worker.ts';
import type { Client } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { openStoryRig, type StoryRig } from '../../mesh/testing/story-rig.ts';

const patience = { withinMs: 60_000, everyMs: 50 };
const names = ['ada', 'bob', 'eve'];
let rig: StoryRig;
let scheduler: Client<SchedulerServiceDefinition>;
let worker: Client<WorkerServiceDefinition>;

beforeAll(async () => {
  rig = await openStoryRig('workers');
  scheduler = rig.client(SchedulerServiceDefinition);
  worker = rig.client(WorkerServiceDefinition);
  for (const instance of ['s1', 's2']) rig.start('scheduler', { instance });
  for (const instance of names) {
    rig.start('worker', { instance, env: { ACK_WAIT_MS: '1000', CONCURRENCY: '2' } });
  }
  await eventually(async () => (await leader()) !== '', patience);
  await eventually(() => worker.listTries({ prefix: '' }), patience);
}, 120_000);
afterAll(() => rig.close(), 60_000);

const leader = async (): Promise<string> => (await scheduler.getLeader({})).instanceId;
const jobs = async (prefix: string) => (await scheduler.listJobs({ prefix })).jobs;
const tries = async (prefix: string) => (await worker.listTries({ prefix })).tries;
const allDone = (prefix: string): Promise<unknown> =>
  eventually(
    async () => (await jobs(prefix)).every(({ state }) => state === JobState.DONE),
    patience,
  );

test('workers compete, and every job is done once', async () => {
  const ids = Array.from({ length: 30 }, (_, i) => `many-${String(i)}`);
  await Promise.all(ids.map((jobId) => scheduler.submitJob({ jobId, workMs: 50 })));
  await allDone('many-');
  const done = (await tries('many-')).filter((each) => each.done);
  expect(done.map(({ jobId }) => jobId).sort()).toEqual([...ids].sort());
  expect(new Set(done.map((each) => each.worker)).size).toBeGreaterThan(1);
}, 90_000);

test('a job whose worker is killed in the middle is done by another, once', async () => {
  await scheduler.submitJob({ jobId: 'long-1', workMs: 2_500 });
  await eventually(async () => (await tries('long-')).length === 1, patience);
  const [lost] = await tries('long-');
  await rig.kill(lost?.worker ?? '');
  await allDone('long-');
  const all = await tries('long-');
  const done = all.filter((each) => each.done);
  expect(done).toHaveLength(1);
  expect(done[0]?.worker).not.toBe(lost?.worker);
  expect((await jobs('long-')).map(({ doneBy }) => doneBy)).toEqual([done[0]?.worker]);
}, 90_000);

test('a worker that only hangs does not do its job a second time', async () => {
  await scheduler.submitJob({ jobId: 'hung-1', workMs: 1_000 });
  await eventually(async () => (await tries('hung-')).length === 1, patience);
  const [hung] = await tries('hung-');
  const thaw = await rig.freeze(hung?.worker ?? '');
  await eventually(async () => (await tries('hung-')).some((each) => each.done), patience);
  thaw();
  await scheduler.submitJob({ jobId: 'hung-2', workMs: 0 });
  await allDone('hung-');
  const done = (await tries('hung-1')).filter((each) => each.done);
  expect(done).toHaveLength(1);
  expect(done[0]?.worker).not.toBe(hung?.worker);
}, 90_000);

test('a leader that is killed is followed by the standby, and no job of its schedule is sent twice', async () => {
  await scheduler.putSchedule({ scheduleId: 'beat', everyMs: 200, workMs: 0 });
  await eventually(async () => (await jobs('beat-')).length >= 3, patience);
  const first = await leader();
  const second = first === 's1' ? 's2' : 's1';
  await rig.kill(first);
  await eventually(async () => (await leader()) === second, patience);
  await eventually(
    async () => (await jobs('beat-')).filter(({ sentBy }) => sentBy === second).length >= 3,
    patience,
  );
  await scheduler.deleteSchedule({ scheduleId: 'beat' });
  await allDone('beat-');
  const numbers = (await jobs('beat-')).map(({ jobId }) => Number(jobId.slice('beat-'.length)));
  expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  const done = (await tries('beat-')).filter((each) => each.done);
  expect(done).toHaveLength(numbers.length);
}, 90_000);
