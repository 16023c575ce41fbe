import { runApp } from '#mesh';
import { config } from './config.ts';
import { schedulerParts } from './parts.ts';
import { type SchedulerDb, schedulerMigrations } from './tables.ts';

const settings = config();
await runApp<SchedulerDb>({
  name: 'scheduler',
  settings,
  migrations: schedulerMigrations,
  build: (tools) => schedulerParts(tools, { who: settings.instanceId ?? 'a scheduler' }),
});
