import { systemClock } from '#mesh';
import { config } from './config.ts';
import { startProvider } from './server.ts';

const provider = await startProvider({ ...config(), clock: systemClock });

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => void provider.close());
}
