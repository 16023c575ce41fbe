import { runApp } from '#mesh';
import { config } from './config.ts';
import { aParts } from './parts.ts';

const settings = config();
const instance = settings.instanceId ?? `a at process ${String(process.pid)}`;

await runApp({
  name: 'a',
  settings,
  build: (tools) => aParts(tools, { ...settings, instance }),
});
