import { runApp } from '#mesh';
import { config } from './config.ts';
import { cParts } from './parts.ts';

const settings = config();

await runApp({
  name: 'c',
  settings,
  build: (tools) =>
    cParts(tools, {
      ...settings,
      instance: settings.instanceId ?? `c at process ${String(process.pid)}`,
      // At once and without a farewell: callers see what a fault in native code or a kill -9 would show them.
      crash: () => process.kill(process.pid, 'SIGKILL'),
    }),
});
