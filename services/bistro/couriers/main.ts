import { runApp } from '#mesh';
import { config } from './config.ts';
import { couriersParts } from './parts.ts';
import { courierMigrations } from './store.ts';

await runApp({
  name: 'couriers',
  settings: config(),
  migrations: courierMigrations,
  build: couriersParts,
});
