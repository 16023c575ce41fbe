import { JobState, type SchedulerServiceDefinition } from '#gen/workers/scheduler/v1/scheduler.ts';
import { DoJob } from '#gen/workers/worker/v1/messages.ts';
import type { Implementation } from '#mesh';
import type { LeadOptions } from './lead.ts';

/** workers.scheduler.v1.SchedulerService. */
export function schedulerService(options: LeadOptions): Implementation<SchedulerServiceDefinition> {
  const { store, plan, events, clock, who } = options;
  return {
    async putSchedule(schedule) {
      await plan.putSchedule({ ...schedule, nextAt: clock.now(), count: 0 });
      return {};
    },

    async deleteSchedule({ scheduleId }) {
      await plan.deleteSchedule(scheduleId);
      return {};
    },

    async submitJob({ jobId, workMs }) {
      await store.transaction(async (tx) => {
        const job = { job_id: jobId, sent_at: clock.now(), sent_by: who };
        if (await plan.addJob(tx, job)) await events.send(tx, DoJob, { jobId, workMs });
      });
      return {};
    },

    async listJobs({ prefix }) {
      const rows = await plan.jobs(prefix);
      const jobs = rows.map(({ job_id, sent_by, done_by }) => ({
        jobId: job_id,
        sentBy: sent_by,
        doneBy: done_by,
        state: done_by === '' ? JobState.SENT : JobState.DONE,
      }));
      return { jobs };
    },

    async getLeader() {
      const { term, holder } = await plan.lastTerm();
      return { instanceId: holder, term };
    },
  };
}
