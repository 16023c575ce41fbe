import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type Finished, run } from './command.ts';

/** What a newcomer does by the README, in a copy of the house with ports of its own. */
const source = join(import.meta.dirname, '../..');
const portBase = 20_000 + (process.pid % 80) * 100;
const consul = `http://127.0.0.1:${String(portBase + 50)}`;
const env = { PORT_BASE: String(portBase) };
let house: string;
let hello: ChildProcess | undefined;

beforeAll(async () => {
  house = mkdtempSync(join(tmpdir(), 'weft-readme-'));
  const parts = ['mesh', 'gen', 'proto', 'third_party', 'services', 'deploy', 'lab'];
  const files = ['package.json', 'tsconfig.json', 'buf.yaml', 'buf.gen.yaml'];
  for (const part of [...parts, ...files]) {
    cpSync(join(source, part), join(house, part), { recursive: true });
  }
  // Packages and binaries are as they are here; everything written stays in the copy.
  for (const shared of ['node_modules', '.tools']) {
    mkdirSync(join(source, shared), { recursive: true });
    symlinkSync(join(source, shared), join(house, shared));
  }
  for (const [path, text] of snippets()) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    writeFileSync(join(house, path), text.replaceAll('http://127.0.0.1:7150', consul));
  }
  must(await weft('up'));
}, 120_000);

afterAll(async () => {
  hello?.kill('SIGKILL');
  await weft('down');
  rmSync(house, { recursive: true, force: true });
}, 60_000);

test('the first client places an order and prints what it costs', async () => {
  const printed = must(await run(house, ['node', 'first-client.ts'], env));
  expect(printed).toMatch(/^ord_\w{26} costs 900 cents$/m);
}, 30_000);

test('the first service greets, and refuses a greeting without a name', async () => {
  must(await run(house, ['node', 'lab/gen.ts'], env));
  hello = spawn(process.execPath, ['services/hello/main.ts'], {
    cwd: house,
    env: { ...process.env, MESH_CONSUL: consul, PORT: '0', LOG_LEVEL: 'error' },
    stdio: 'inherit',
  });
  const greet = (request: object): Promise<Finished> =>
    weft('call', 'hello.v1.HelloService/Greet', JSON.stringify(request));
  const answer = await eventually(async () => must(await greet({ name: 'Ada' })), {
    withinMs: 20_000,
    everyMs: 300,
  });
  expect(JSON.parse(answer)).toEqual({ text: 'Hello, Ada!' });
  const refused = await greet({});
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/INVALID_ARGUMENT[\s\S]*name/);
}, 60_000);

/** The code blocks of the README that say which file they are, by its path. */
function snippets(): [string, string][] {
  const readme = readFileSync(join(source, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```(?:ts|proto)\n(\/\/ (\S+)[^\n]*\n[\s\S]*?)^```/gm)];
  expect(blocks).toHaveLength(3);
  return blocks.map(([, text = '', path = '']) => [path, text]);
}

function weft(...args: readonly string[]): Promise<Finished> {
  return run(house, ['node', 'mesh/cli/main.ts', ...args], env);
}

function must({ code, stdout, stderr }: Finished): string {
  if (code !== 0) throw new Error(`${stdout}\n${stderr}`);
  return stdout;
}
