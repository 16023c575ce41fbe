import { runApp } from '#mesh';
import { config } from './config.ts';
import { machineParts } from './parts.ts';
import { type VendingDb, vendingMigrations } from './store.ts';

const settings = config();
await runApp<VendingDb>({
  name: 'machine',
  settings,
  migrations: vendingMigrations,
  build: (tools) => machineParts(tools, settings),
});
