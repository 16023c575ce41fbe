/**
 * Walks the model of an ordered consumer in a process of its own, whose code may have a flaw that is put in first:
 * `node model-walk.ts <runs> <seed> [<flaw as JSON>]`. Prints after how many walks an ending broke a law, and how;
 * or that none did.
 */
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import type { Flaw } from './model-flaw.ts';

const [, , runs = '100', seed = '1', flawed = 'null'] = process.argv;
const flaw = JSON.parse(flawed) as Flaw | null;
if (flaw !== null) {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith(`/mesh/${flaw.file}`)) return loaded;
      const { source: bytes = '' } = loaded;
      const source = typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes);
      // A flaw in code that has changed since would be none, and a model that finds none would look sound.
      assert.equal(source.split(flaw.is).length, 2, `${flaw.file} has not once: ${flaw.is}`);
      return { ...loaded, source: source.replace(flaw.is, () => flaw.becomes) };
    },
  });
}
// After the hook: what is loaded before it stays as it is.
const [{ default: fc }, { anyOrder, anySteps, aSleeperThatGivesUp }, { hold }, { createModelBed }] =
  await Promise.all([
    import('fast-check'),
    import('./model-arbitraries.ts'),
    import('./model-laws.ts'),
    import('./model-world.ts'),
  ]);

const bed = await createModelBed();
const property = fc.asyncProperty(anySteps, fc.nat(), anyOrder, async (what, nth, hearing) => {
  hold(await bed.run(what, nth, hearing), hearing);
});
const how = {
  ...{ numRuns: Number(runs), seed: Number(seed), endOnFailure: true },
  examples: [aSleeperThatGivesUp],
};
const { failed, numRuns, counterexample, errorInstance } = await fc.check(property, how);
process.stdout.write(
  failed
    ? `found after ${String(numRuns)}: ${String(errorInstance)}\n${JSON.stringify(counterexample)}\n`
    : `none in ${String(numRuns)}\n`,
);
