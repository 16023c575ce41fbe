import { runApp } from '#mesh';
import { config } from './config.ts';
import { notificationsParts } from './parts.ts';
import { notificationMigrations } from './store.ts';

await runApp({
  name: 'notifications',
  settings: config(),
  migrations: notificationMigrations,
  build: notificationsParts,
});
