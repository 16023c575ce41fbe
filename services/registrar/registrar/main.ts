import { runApp } from '#mesh';
import { config } from './config.ts';
import { registrarParts } from './parts.ts';

const settings = config();
await runApp<never>({
  name: 'registrar',
  settings,
  build: (tools) => registrarParts(tools, settings),
});
