import { runApp } from '#mesh';
import { type EdgeDb, edgeMigrations } from '#mesh/edge';
import { config } from './config.ts';
import { gatewayParts } from './parts.ts';

const settings = config();

await runApp<EdgeDb>({
  name: 'gateway',
  settings,
  migrations: edgeMigrations,
  build: (tools) => gatewayParts(tools, settings),
});
