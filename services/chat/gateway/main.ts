import { runApp } from '#mesh';
import { config } from './config.ts';
import { gatewayParts } from './parts.ts';

const settings = config();

await runApp({
  name: 'chat-gateway',
  settings,
  build: (tools) => gatewayParts(tools, settings),
});
