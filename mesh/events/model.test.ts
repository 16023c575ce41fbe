import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyOrder, anySteps, aSleeperThatGivesUp } from '../testing/model-arbitraries.ts';
import { hold } from '../testing/model-laws.ts';
import type { Step } from '../testing/model-steps.ts';
import { createModelBed, type ModelBed } from '../testing/model-world.ts';

/** Once seen: the fourth event left while the first three, which had failed together, were still in the air. */
const aFailedBatchAndMoreOfItsKey: Step[] = [
  { kind: 'begin' },
  { kind: 'sending', fault: 'unsent' },
  ...Array.from({ length: 4 }, (): Step => ({ kind: 'publish', key: 0 })),
  { kind: 'commit' },
];

// `make model RUNS=20000` walks on; what it finds is printed with the seed that repeats it.
const numRuns = Number(process.env['RUNS'] ?? 40);
// A walk takes a tenth of a second, and several on a machine that does other things too.
const withinMs = 60_000 + 1_000 * numRuns;

let bed: ModelBed;
beforeAll(async () => {
  bed = await createModelBed();
});
afterAll(() => bed.close());

test(
  'whatever dies, sleeps, is cut or comes twice: nothing is lost, nothing has two effects, nothing comes of an abort',
  async () => {
    const property = fc.asyncProperty(anySteps, fc.nat(), async (what, seed) => {
      hold(await bed.run(what, seed));
    });
    const examples: [Step[], number][] = [[aFailedBatchAndMoreOfItsKey, 0]];
    await fc.assert(property, { numRuns, examples });
  },
  withinMs,
);

test(
  'and where a consumer keeps the order, each key has its effects in the order of its commits, past no gap but the one that a person or its rule allows',
  async () => {
    const property = fc.asyncProperty(anySteps, fc.nat(), anyOrder, async (what, seed, hearing) => {
      hold(await bed.run(what, seed, hearing), hearing);
    });
    await fc.assert(property, { numRuns, examples: [aSleeperThatGivesUp] });
  },
  withinMs,
);

test('the same steps with the same seed end the same', async () => {
  const [some] = fc.sample(anySteps, { numRuns: 1, seed: 7 });
  const once = await bed.run(some ?? [], 1);
  expect(await bed.run(some ?? [], 1)).toEqual(once);
});
