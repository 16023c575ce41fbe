import { runApp } from '#mesh';
import { config } from './config.ts';
import { waiterParts } from './parts.ts';
import { type WaiterDb, waiterMigrations } from './store.ts';

const settings = config();

await runApp<WaiterDb>({
  name: 'waiter',
  settings,
  migrations: waiterMigrations,
  build: (tools) => waiterParts(tools, settings),
});
