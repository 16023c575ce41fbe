import { describeRegistry } from '../testing/registry-contract.ts';
import { createMemoryDiscovery } from './memory.ts';

describeRegistry('memory', async () => {
  const { registry, resolver, setPassing } = createMemoryDiscovery();
  return {
    registry,
    resolver,
    port: 7_000,
    newPlace: async () => ({ port: 7_001, setPassing, close: async () => undefined }),
    close: async () => undefined,
  };
});
