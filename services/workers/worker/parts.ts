import { WorkerServiceDefinition } from '#gen/workers/worker/v1/worker.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { workerHandlers } from './events.ts';
import { workerService } from './service.ts';
import { createBench, type WorkerDb } from './store.ts';

export interface WorkerTuning {
  readonly worker: string;
  readonly ackWaitMs: number;
  readonly concurrency: number;
}

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function workerParts(
  { store, events, clock }: AppTools<WorkerDb>,
  { worker, ...tuning }: WorkerTuning,
): ServiceParts<WorkerDb> {
  const bench = createBench(store);
  const handlers = workerHandlers({ store, events, bench, clock, worker });
  return {
    services: [implement(WorkerServiceDefinition, workerService(bench))],
    consumer: { inbox: false, handlers, ...tuning },
  };
}
