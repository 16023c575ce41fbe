import { describeRegistry } from '../testing/registry-contract.ts';
import { createMemoryDiscovery } from './memory.ts';

describeRegistry('memory', async () => ({
  ...createMemoryDiscovery(),
  port: 7_000,
  close: async () => undefined,
}));
