import type { WorkerServiceDefinition } from '#gen/workers/worker/v1/worker.ts';
import type { Implementation } from '#mesh';
import type { Bench } from './store.ts';

/** workers.worker.v1.WorkerService. */
export function workerService(bench: Bench): Implementation<WorkerServiceDefinition> {
  return {
    async listTries({ prefix }) {
      return { tries: [...(await bench.tries(prefix))] };
    },
  };
}
