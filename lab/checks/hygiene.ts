import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Check, fails, holds } from './check.ts';
import { run } from './command.ts';

/** Text that ties the repository to one machine or one mirror, and what to say of it. */
const foreign: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:registry\.(?:npmjs|yarnpkg|npmmirror)\.\w+|npm\.pkg\.github\.com|pypi\.org|proxy\.golang\.org)\b/,
    "names a package registry: which one to use is each machine's own business (npm config)",
  ],
  [/(?:^|[\s"'`=:(,])\/(?:work|root)\//, 'names an absolute path of one machine'],
];

/** kebab-case, as "trace-tree.test.ts"; what takes long to test is "story.slow.test.ts". */
const sourceName = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|slow\.test|bench))?\.ts$/;
/** Names under which anything could be put, and sooner or later is. */
const emptyName = /^(?:utils?|helpers?|common|misc)\./;

/** Holds when what git keeps, or would add, is named for the one thing inside and belongs to no one machine. */
export const hygiene: Check = {
  name: 'hygiene',
  async run(root) {
    if (!existsSync(join(root, '.git'))) return holds('there is no git here');
    const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
    const { code, stdout, stderr } = await run(root, ['git', ...list]);
    if (code !== 0) return fails(stderr);
    const files = stdout.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
    const faults = files.flatMap((file) => [...nameFaults(file), ...textFaults(root, file)]);
    return faults.length === 0 ? holds(`${files.length} files`) : fails(faults.join('\n'));
  },
};

function nameFaults(file: string): string[] {
  const name = basename(file);
  if (!name.endsWith('.ts') || file.startsWith('gen/')) return [];
  if (!sourceName.test(name)) return [`${file}: source files are named in kebab-case`];
  return emptyName.test(name) ? [`${file}: name it for the one thing inside`] : [];
}

function textFaults(root: string, file: string): string[] {
  const bytes = readFileSync(join(root, file));
  if (bytes.includes(0)) return [];
  const lines = bytes.toString('utf8').split('\n');
  return lines.flatMap((line, index) =>
    foreign
      .filter(([pattern]) => pattern.test(line))
      .map(([, fault]) => `${file}:${index + 1} ${fault}`),
  );
}
