import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');

/** The code of a guide that says which file it is from, by its first line. */
function excerpts(guide: string): { file: string; code: string }[] {
  const text = readFileSync(join(root, guide), 'utf8');
  const blocks = [...text.matchAll(/^```(?:ts|proto)\n\/\/ (\S+\/\S+)\n([\s\S]*?)^```/gm)];
  return blocks.map(([, file = '', code = '']) => ({ file, code }));
}

test('what the guides quote from a file stands there, letter by letter', () => {
  // The files of that one are the reader's own; own-project.slow.test.ts runs them.
  const guides = globSync('docs/guides/**/*.md', { cwd: root }).filter(
    (guide) => !guide.endsWith('your-own-project.md'),
  );
  const quoted = guides.flatMap((guide) =>
    excerpts(guide).map((excerpt) => ({ guide, ...excerpt })),
  );
  expect(quoted.length).toBeGreaterThan(10);
  for (const { guide, file, code } of quoted) {
    const source = readFileSync(join(root, file), 'utf8');
    expect({ guide, file, found: source.includes(code) || code }).toEqual({
      ...{ guide, file, found: true },
    });
  }
});
