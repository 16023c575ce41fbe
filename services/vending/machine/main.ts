import { runApp } from '#mesh';
import { config } from './config.ts';
import { machineParts } from './parts.ts';
import { type VendingDb, vendingMigrations } from './store.ts';

await runApp<VendingDb>({
  name: 'machine',
  settings: config(),
  migrations: vendingMigrations,
  build: machineParts,
});
