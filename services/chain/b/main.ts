import { runApp } from '#mesh';
import { config } from './config.ts';
import { bParts } from './parts.ts';

const settings = config();
const instance = settings.instanceId ?? `b at process ${String(process.pid)}`;

await runApp({ name: 'b', settings, build: (tools) => bParts(tools, { instance }) });
