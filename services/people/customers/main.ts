import { runApp } from '#mesh';
import { config } from './config.ts';
import { customersParts } from './parts.ts';
import { customerMigrations } from './store.ts';

await runApp({
  name: 'customers',
  settings: config(),
  migrations: customerMigrations,
  build: customersParts,
});
