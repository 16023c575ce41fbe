import { runApp } from '#mesh';
import { config } from './config.ts';
import { messagesParts } from './parts.ts';
import { type MessagesDb, messageMigrations } from './store.ts';

await runApp<MessagesDb>({
  name: 'messages',
  settings: config(),
  migrations: messageMigrations,
  build: messagesParts,
});
