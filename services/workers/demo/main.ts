/** The demo of the workers: jobs that are competed for, a worker that leaves, a leader that leaves. */
import { JobState, SchedulerServiceDefinition } from '#gen/workers/scheduler/v1/scheduler.ts';
import { WorkerServiceDefinition } from '#gen/workers/worker/v1/worker.ts';
import { play } from '../../stage/stage.ts';

await play('workers', async ({ say, client, until, weft, random }) => {
  const scheduler = client(SchedulerServiceDefinition);
  const worker = client(WorkerServiceDefinition);
  const run = random.hex(4);
  const jobsOf = async (prefix: string) => (await scheduler.listJobs({ prefix })).jobs;
  const leader = async (): Promise<string> => (await scheduler.getLeader({})).instanceId;
  const allDone = (prefix: string): Promise<void> =>
    until('all jobs are done', async () =>
      (await jobsOf(prefix)).every(({ state }) => state === JobState.DONE),
    );
  const tell = async (prefix: string): Promise<void> => {
    const by = new Map<string, number>();
    for (const { doneBy } of await jobsOf(prefix)) by.set(doneBy, (by.get(doneBy) ?? 0) + 1);
    say.line([...by].map(([who, count]) => `${who} did ${String(count)}`).join(', '));
  };
  const submit = async (prefix: string, count: number, workMs: number): Promise<void> => {
    for (let i = 1; i <= count; i++) {
      await scheduler.submitJob({ jobId: `${prefix}${String(i)}`, workMs });
    }
  };

  await until('somebody leads', async () => (await leader()) !== '');

  say.chapter('1. Twenty jobs, and workers who compete for them');
  const many = `many-${run}-`;
  await submit(many, 20, 100);
  await allDone(many);
  await tell(many);

  say.chapter('2. A worker leaves while there is work; the other one does the rest');
  const left = `left-${run}-`;
  await submit(left, 8, 700);
  await weft('stop', 'worker#1');
  await allDone(left);
  await tell(left);
  const { tries } = await worker.listTries({ prefix: left });
  const again = tries.length - (await jobsOf(left)).length;
  say.line(`begun and not finished by who left: ${String(again)}`);
  await weft('start', 'worker#1');

  say.chapter('3. The scheduler that leads leaves; the one that stood by goes on');
  const scheduleId = `beat-${run}`;
  const first = await leader();
  await scheduler.putSchedule({ scheduleId, everyMs: 500, workMs: 10 });
  await until('three beats', async () => (await jobsOf(scheduleId)).length >= 3);
  say.line(`${first} leads, and sends every half second`);
  const instance = first.replace(/-(?=\d+$)/, '#');
  await weft('stop', instance);
  await until('another one leads', async () => (await leader()) !== first);
  const second = await leader();
  await until('three beats more', async () => {
    return (await jobsOf(scheduleId)).filter(({ sentBy }) => sentBy === second).length >= 3;
  });
  await scheduler.deleteSchedule({ scheduleId });
  await allDone(scheduleId);
  const sent = await jobsOf(scheduleId);
  say.line(`${second} leads; the jobs of the schedule, by who sent them:`);
  say.line(
    sent.map(({ jobId, sentBy }) => `${jobId.split('-').at(-1) ?? ''} ${sentBy}`).join(', '),
  );
  await weft('start', instance);
});
