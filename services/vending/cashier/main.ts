import { runApp } from '#mesh';
import { config } from './config.ts';
import { cashierParts } from './parts.ts';
import { type CashierDb, cashierMigrations } from './store.ts';

await runApp<CashierDb>({
  name: 'cashier',
  settings: config(),
  migrations: cashierMigrations,
  build: cashierParts,
});
