import { runApp } from '#mesh';
import { config } from './config.ts';
import { inventoryParts } from './parts.ts';
import { inventoryMigrations } from './store.ts';

await runApp({
  name: 'inventory',
  settings: config(),
  migrations: inventoryMigrations,
  build: inventoryParts,
});
