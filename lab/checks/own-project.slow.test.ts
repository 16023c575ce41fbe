import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { findTool } from '../../mesh/cli/tools/find.ts';
import { run } from './command.ts';
import { createScratch, type Scratch } from './scratch.ts';

/**
 * docs/guides/your-own-project.md as its reader takes it: each file written, each command run, in the order of
 * the page, in an empty folder. Only the way to the package and the ports are those of this run.
 */
const repository = join(import.meta.dirname, '../..');
const guide = readFileSync(join(repository, 'docs/guides/your-own-project.md'), 'utf8');
const portBase = 30_000 + (process.pid % 80) * 100;

interface Section {
  readonly title: string;
  /** Of each block: its language and its text. */
  readonly blocks: readonly (readonly [string, string])[];
}

const sections: readonly Section[] = guide
  .split(/^## /m)
  .slice(1)
  .map((text) => ({
    title: text.split('\n', 1).join(),
    blocks: [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].map(
      ([, language = '', block = '']) => [language, block] as const,
    ),
  }))
  .filter(({ blocks }) => blocks.length > 0);

let home: Scratch;
let tarball = '';
let env: Record<string, string>;

beforeAll(async () => {
  home = createScratch();
  const [consul, nats] = await Promise.all([findTool('consul'), findTool('nats-server')]);
  env = {
    ...{ NODE_OPTIONS: '', npm_config_prefer_offline: 'true', PORT_BASE: String(portBase) },
    ...{ WEFT_CONSUL: consul.path, WEFT_NATS_SERVER: nats.path },
  };
  await bash(repository, `npm pack --silent --pack-destination ${home.root}`);
  tarball = join(home.root, globSync('*.tgz', { cwd: home.root }).join());
}, 240_000);

afterAll(async () => {
  for (const project of ['greetings', 'mine']) {
    await run(join(home.root, project), ['npx', 'weft', 'down'], env);
  }
  home.close();
}, 60_000);

/** What the commands of a section must print beside succeeding. */
const printed: Readonly<Record<string, RegExp>> = {
  '5. A test': /pass 3\b[^]*fail 0\b/,
  '6. The mesh': /"text":"Hello, Ada!"[^]*greeter → visits/,
  '7. A policy, while it runs': /CountVisits +timeoutMs +150 +kv method/,
};

test('the sections that are looked at are there, and the page has no block of another kind', () => {
  const titles = sections.map(({ title }) => title);
  expect(titles).toEqual(expect.arrayContaining(Object.keys(printed)));
  const languages = sections.flatMap(({ blocks }) => blocks.map(([language]) => language));
  expect([...new Set(languages)].sort()).toEqual(['proto', 'sh', 'ts', 'yaml']);
});

test('the packages that it installs are those that weft is built with', () => {
  const { devDependencies } = JSON.parse(
    readFileSync(join(repository, 'package.json'), 'utf8'),
  ) as { devDependencies: Record<string, string> };
  const named = [...guide.matchAll(/ ((?:@[\w-]+\/)?[\w-]+)@(\d[\d.]+)/g)];
  expect(named).toHaveLength(4);
  for (const [, name = '', version] of named) {
    expect({ name, version }).toEqual({ name, version: devDependencies[name] });
  }
});

test.each(sections)(
  'section $title does what it says',
  async ({ title, blocks }) => {
    let output = '';
    for (const [language, block] of blocks) {
      if (language === 'sh') output += await commands(block);
      else home.write(fileIn(block));
    }
    expect(output).toMatch(printed[title] ?? '');
  },
  180_000,
);

test('weft new makes a project that its own three commands test and run, and adds a service to it', async () => {
  const folder = join(home.root, 'mine');
  const weftNew = async (args: string): Promise<string> => {
    const said = await bash(folder, `npx weft new ${args}`);
    const [, steps] = /^Go on:\n([\s\S]*)$/m.exec(said) ?? [];
    return steps ?? '';
  };
  await bash(home.root, `mkdir mine && cd mine && npm init --yes && npm install ${tarball}`);
  const first = await bash(folder, await weftNew('pick-list'));
  expect(first).toMatch(/pass 2\b[^]*fail 0\b[^]*pick-list +1 .* passing[^]*Say hello/);
  const second = await bash(folder, await weftNew('service visits'));
  expect(second).toMatch(/pass 4\b[^]*fail 0\b/);
  for (const method of ['pick_list.v1.PickListService', 'visits.v1.VisitsService']) {
    const answer = await bash(folder, `npx weft call ${method}/SayHello '{"name":"Ada"}'`);
    expect(answer).toContain('"text":"Hello, Ada!"');
  }
  await bash(folder, 'npx weft down');
}, 240_000);

/** The file that a block is, which its first line names. */
function fileIn(block: string): Record<string, string> {
  const [, path] = /^(?:\/\/|#) (\S+)\n/.exec(block) ?? [];
  if (path === undefined) throw new Error(`this block does not say which file it is:\n${block}`);
  return { [join('greetings', path)]: block };
}

function commands(block: string): Promise<string> {
  const isFirst = block.startsWith('mkdir ');
  const here = isFirst ? home.root : join(home.root, 'greetings');
  return bash(here, block.replace('../weft/weft-0.1.0.tgz', tarball));
}

async function bash(cwd: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await run(cwd, ['bash', '-euo', 'pipefail', '-c', script], env);
  if (code !== 0) throw new Error(`${script} (in ${cwd}):\n${stdout}${stderr}`);
  return stdout;
}
