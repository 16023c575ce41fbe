import { runApp } from '#mesh';
import { config } from './config.ts';
import { marketingParts } from './parts.ts';
import { marketingMigrations } from './store.ts';

await runApp({
  name: 'marketing',
  settings: config(),
  migrations: marketingMigrations,
  build: marketingParts,
});
