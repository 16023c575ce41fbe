/** What the scheduler hears: that a job is done. */
import { JobDone } from '#gen/workers/worker/v1/messages.ts';
import { type EventHandler, on } from '#mesh';
import type { Plan } from './store.ts';
import type { SchedulerDb } from './tables.ts';

export function schedulerHandlers(plan: Plan): readonly EventHandler<SchedulerDb>[] {
  return [on(JobDone, ({ jobId, worker }, { tx }) => plan.jobDone(tx, jobId, worker))];
}
