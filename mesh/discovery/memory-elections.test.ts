import { describeElections } from '../testing/elections-contract.ts';
import { createMemoryElections } from './memory-elections.ts';

describeElections('memory', async () => ({
  elections: createMemoryElections(),
  close: async () => undefined,
}));
