/** What the leader does: sends what is due, as long as nobody has taken the fence after it. */
import { DoJob } from '#gen/workers/worker/v1/messages.ts';
import type { Clock, Events, Store } from '#mesh';
import { due, jobIdOf } from './schedule.ts';
import type { Plan, Term } from './store.ts';
import type { SchedulerDb } from './tables.ts';

export interface LeadOptions {
  readonly store: Store<SchedulerDb>;
  readonly plan: Plan;
  readonly events: Events<SchedulerDb>;
  readonly clock: Clock;
  /** The instance. */
  readonly who: string;
}

/** From one look at the schedules to the next: how late a job may be, in ms. */
const lookEveryMs = 50;

/** Leads for one term: until the signal aborts, or somebody else has begun another. */
export async function lead(options: LeadOptions, signal: AbortSignal): Promise<void> {
  const term = await options.plan.takeFence(options.who);
  while (!signal.aborted && (await sendDue(options, term))) {
    await options.clock.sleep(lookEveryMs, signal).catch(() => undefined);
  }
}

/** False when the term is not the last one any more: then nothing was sent. */
export function sendDue(
  { store, plan, events, clock, who }: LeadOptions,
  term: Term,
): Promise<boolean> {
  return store.transaction(async (tx) => {
    if (!(await plan.holdsFence(tx, term))) return false;
    const nowMs = clock.now();
    for (const schedule of await plan.schedules(tx)) {
      let after = due(schedule, nowMs);
      if (after === undefined) continue;
      // Somebody may have submitted a job under this very name: then the next number is the schedule's.
      while (await plan.hasJob(tx, jobIdOf(after))) after = { ...after, count: after.count + 1 };
      if (!(await plan.moveOn(tx, schedule, after))) continue;
      const jobId = jobIdOf(after);
      if (await plan.addJob(tx, { job_id: jobId, sent_at: nowMs, sent_by: who })) {
        await events.send(tx, DoJob, { jobId, workMs: schedule.workMs });
      }
    }
    return true;
  });
}
