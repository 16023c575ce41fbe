import { runApp } from '#mesh';
import { config } from './config.ts';
import { paymentsParts } from './parts.ts';
import { paymentMigrations } from './store.ts';

await runApp({
  name: 'payments',
  settings: config(),
  migrations: paymentMigrations,
  build: paymentsParts,
});
