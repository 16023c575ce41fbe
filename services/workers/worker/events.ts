/** What a worker is told to do. */
import { DoJob } from '#gen/workers/worker/v1/messages.ts';
import { onRepeatable, type RepeatableHandler } from '#mesh';
import { doJob, type JobOptions } from './job.ts';

export function workerHandlers(options: JobOptions): readonly RepeatableHandler[] {
  return [onRepeatable(DoJob, (job, { signal }) => doJob(options, job, signal))];
}
