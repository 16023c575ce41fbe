import { runApp } from '#mesh';
import { config } from './config.ts';
import { workerParts } from './parts.ts';
import { type WorkerDb, workerMigrations } from './store.ts';

const { ackWaitMs, concurrency, ...settings } = config();
const worker = settings.instanceId ?? 'a worker';
await runApp<WorkerDb>({
  name: 'worker',
  settings,
  migrations: workerMigrations,
  build: (tools) => workerParts(tools, { worker, ackWaitMs, concurrency }),
});
