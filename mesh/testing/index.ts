/**
 * The door for tests of those who build on weft: whole services in the process of the test, with memory in
 * place of Consul and NATS, and time that moves when it is told to. No test framework is needed, any will do.
 */

export { errorOf } from './error-of.ts';
export { eventually } from './eventually.ts';
export { createFakeClock, type FakeClock } from './fake-clock.ts';
export {
  createInProcessMesh,
  type InProcessApp,
  type InProcessInstance,
  type InProcessMesh,
  type InProcessOptions,
} from './in-process.ts';
export { createSeededRandom } from './seeded-random.ts';
