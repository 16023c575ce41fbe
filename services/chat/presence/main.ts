import { runApp } from '#mesh';
import { config } from './config.ts';
import { presenceParts } from './parts.ts';
import { type PresenceDb, presenceMigrations } from './store.ts';

await runApp<PresenceDb>({
  name: 'presence',
  settings: config(),
  migrations: presenceMigrations,
  build: presenceParts,
});
