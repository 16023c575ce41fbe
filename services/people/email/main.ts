import { runApp } from '#mesh';
import { config } from './config.ts';
import { emailParts } from './parts.ts';
import { type EmailDb, emailMigrations } from './store.ts';

const settings = config();

await runApp<EmailDb>({
  name: 'email',
  settings,
  migrations: emailMigrations,
  build: (tools) => emailParts(tools, settings),
});
