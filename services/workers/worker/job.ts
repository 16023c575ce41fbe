/** One job, from its command to its result. */
import { type DoJob, JobDone } from '#gen/workers/worker/v1/messages.ts';
import type { Clock, Events, Store } from '#mesh';
import type { Bench, WorkerDb } from './store.ts';

export interface JobOptions {
  readonly store: Store<WorkerDb>;
  readonly events: Events<WorkerDb>;
  readonly bench: Bench;
  readonly clock: Clock;
  /** Who works at this instance. */
  readonly worker: string;
}

/** May run again for a job, here or elsewhere; the first result stands, and is told once. */
export async function doJob(
  { store, events, bench, clock, worker }: JobOptions,
  { jobId, workMs }: DoJob,
  signal: AbortSignal,
): Promise<void> {
  if (!(await bench.begin(jobId, worker, clock.now()))) return;
  // The work itself: it writes nothing that another try of the same job could not write again.
  await clock.sleep(workMs, signal);
  await store.transaction(async (tx) => {
    if (await bench.finish(tx, jobId, worker)) await events.publish(tx, JobDone, { jobId, worker });
  });
}
