import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, fails, holds } from './check.ts';

/** Holds when third_party/ is what its SHA256SUMS say: vendored contracts are not edited in passing. */
export const vendored: Check = {
  name: 'vendored',
  async run(root) {
    const home = join(root, 'third_party');
    const known = readSums(readFileSync(join(home, 'SHA256SUMS'), 'utf8'));
    const found = globSync('**/*.{proto,json}', { cwd: home });
    const faults = [
      ...found.filter((file) => !known.has(file)).map((file) => `${file} is not in SHA256SUMS`),
      ...[...known].flatMap(([file, sum]) => {
        const path = join(home, file);
        if (!existsSync(path)) return [`${file} is missing`];
        const actual = createHash('sha256').update(readFileSync(path)).digest('hex');
        return actual === sum ? [] : [`${file} was changed`];
      }),
    ];
    const report = faults.map((fault) => `third_party/${fault}`).join('\n');
    const remedy = 'third_party/README.md says where the files come from and how to renew them';
    return faults.length === 0 ? holds() : fails(`${report}\n${remedy}`);
  },
};

/** The format of sha256sum(1): "<sum>  <file>" a line. */
function readSums(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}
