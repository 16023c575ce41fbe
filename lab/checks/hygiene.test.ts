import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hygiene } from './hygiene.ts';
import { createScratch, type Scratch } from './scratch.ts';

let scratch: Scratch;

beforeEach(async () => {
  scratch = createScratch();
  await scratch.git('init', '--quiet');
});

afterEach(() => scratch.close());

async function reportOn(files: Readonly<Record<string, string>>): Promise<string> {
  scratch.write(files);
  const { ok, report } = await hygiene.run(scratch.root);
  return ok ? 'holds' : report;
}

describe('text', () => {
  // Put together here, so that this file does not break the rule it tests.
  const registry = ['registry', 'npmjs', 'org'].join('.');
  const home = ['', 'root', '.config'].join('/');

  test('a registry in a lockfile is found by file and line', async () => {
    const report = await reportOn({
      'package-lock.json': `{\n"resolved": "https://${registry}/x"\n}`,
    });
    expect(report).toMatch(/^package-lock\.json:2 names a package registry/);
  });

  test('an absolute path of one machine is found', async () => {
    expect(await reportOn({ 'notes.md': `see ${home}` })).toMatch(
      /^notes\.md:1 names an absolute path/,
    );
  });

  test('a URL that happens to hold such a path is nobody else', async () => {
    expect(await reportOn({ 'notes.md': 'https://example.com/work/shop and ./work/shop' })).toBe(
      'holds',
    );
  });

  test('what git ignores is not looked at', async () => {
    expect(await reportOn({ '.gitignore': 'local/\n', 'local/notes.md': home })).toBe('holds');
  });
});

describe('names', () => {
  test.each(['trace-tree.ts', 'trace-tree.test.ts', 'a.slow.test.ts', 'gen/shop/camelCase.ts'])(
    '%s is fine',
    async (file) => {
      expect(await reportOn({ [file]: '' })).toBe('holds');
    },
  );

  test.each(['traceTree.ts', 'TraceTree.test.ts', 'trace_tree.ts', 'a.slow.ts'])(
    '%s is not kebab-case',
    async (file) => {
      expect(await reportOn({ [`mesh/${file}`]: '' })).toContain('kebab-case');
    },
  );

  test.each(['utils.ts', 'helpers.test.ts'])('%s says nothing', async (file) => {
    expect(await reportOn({ [file]: '' })).toContain('name it for the one thing inside');
  });
});
