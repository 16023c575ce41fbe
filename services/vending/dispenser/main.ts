import { runApp } from '#mesh';
import { config } from './config.ts';
import { dispenserParts } from './parts.ts';
import { type DispenserDb, dispenserMigrations } from './tables.ts';

await runApp<DispenserDb>({
  name: 'dispenser',
  settings: config(),
  migrations: dispenserMigrations,
  build: dispenserParts,
});
