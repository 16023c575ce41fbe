import { runApp } from '#mesh';
import { config } from './config.ts';
import { incentivesParts } from './parts.ts';
import { type IncentivesDb, incentivesMigrations } from './store.ts';

const settings = config();

await runApp<IncentivesDb>({
  name: 'incentives',
  settings,
  migrations: incentivesMigrations,
  build: (tools) => incentivesParts(tools, settings),
});
