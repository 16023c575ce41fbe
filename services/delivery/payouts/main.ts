import { runApp } from '#mesh';
import { config } from './config.ts';
import { payoutsParts } from './parts.ts';
import { type PayoutsDb, payoutsMigrations } from './store.ts';

const settings = config();

await runApp<PayoutsDb>({
  name: 'payouts',
  settings,
  migrations: payoutsMigrations,
  build: (tools) => payoutsParts(tools, settings),
});
