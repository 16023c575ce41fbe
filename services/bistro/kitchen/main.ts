import { runApp } from '#mesh';
import { config } from './config.ts';
import { kitchenParts } from './parts.ts';
import { type KitchenDb, kitchenMigrations } from './store.ts';

const settings = config();
await runApp<KitchenDb>({
  name: 'kitchen',
  settings,
  migrations: kitchenMigrations,
  build: (tools) => kitchenParts(tools, { cook: settings.instanceId ?? 'the cook' }),
});
