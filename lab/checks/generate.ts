import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImage } from '#mesh';
import { type Check, fails, holds } from './check.ts';
import { run } from './command.ts';

/**
 * Generates gen/ from the contracts of `root` into a directory of its own, so that neither a check nor a
 * contract with a fault in it touches the work tree. The caller removes the directory.
 */
async function generate(root: string): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), 'weft-gen-'));
  const image = join(out, 'gen', 'image.binpb');
  const steps = [
    ['buf', 'lint'],
    ['buf', 'generate', '--output', out],
    ['buf', 'build', '--as-file-descriptor-set', '--output', image],
  ] as const;
  for (const step of steps) {
    const { code, stdout, stderr } = await run(root, step);
    if (code === 0) continue;
    await rm(out, { recursive: true, force: true });
    throw new Error(`${step.slice(0, 2).join(' ')} refuses the contracts:\n${stdout}${stderr}`);
  }
  try {
    readImage(image);
  } catch (thrown) {
    // What buf cannot know: a rule, an event or a command that makes no sense to weft.
    await rm(out, { recursive: true, force: true });
    throw thrown;
  }
  return out;
}

/** Writes gen/ anew; what no contract asks for any more is gone afterwards. */
export async function regenerate(root: string): Promise<void> {
  const out = await generate(root);
  await rm(join(root, 'gen'), { recursive: true, force: true });
  await cp(join(out, 'gen'), join(root, 'gen'), { recursive: true });
  await rm(out, { recursive: true, force: true });
}

/** Holds when gen/ is exactly what `make gen` would write. */
export const freshness: Check = {
  name: 'gen',
  async run(root) {
    const out = await generate(root);
    const [wanted, found] = [sums(join(out, 'gen')), sums(join(root, 'gen'))];
    await rm(out, { recursive: true, force: true });
    const stale = [...new Set([...wanted.keys(), ...found.keys()])]
      .filter((file) => wanted.get(file) !== found.get(file))
      .map((file) => `gen/${file} ${fault(wanted.has(file), found.has(file))}`);
    return stale.length === 0 ? holds() : fails(`${stale.sort().join('\n')}\nrun: make gen`);
  },
};

function fault(isWanted: boolean, isFound: boolean): string {
  if (!isFound) return 'is missing';
  return isWanted ? 'differs from its contract' : 'has no contract any more';
}

function sums(directory: string): Map<string, string> {
  const files = globSync('**', { cwd: directory, withFileTypes: true }).filter((e) => e.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      const sum = createHash('sha256').update(readFileSync(path)).digest('hex');
      return [path.slice(directory.length + 1), sum];
    }),
  );
}
