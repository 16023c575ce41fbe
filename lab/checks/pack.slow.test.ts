import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { run } from './command.ts';
import { createScratch, type Scratch } from './scratch.ts';

const repository = join(import.meta.dirname, '../..');
const bin = join(repository, 'node_modules/.bin');

/** A contract of the stranger's own, which uses weft's options. */
const contract = `syntax = "proto3";

package hello.v1;

import "weft/v1/options.proto";

service HelloService {
  rpc SayHello(SayHelloRequest) returns (SayHelloResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
  }
}

message SayHelloRequest {
  string name = 1 [(weft.v1.rules).required = true];
}

message SayHelloResponse {
  string greeting = 1;
}
`;

const program = `import { closeClient, createClient, createMemoryDiscovery, createServer, MeshError, readImage } from 'weft';
import { HelloServiceDefinition } from './gen/hello/v1/hello.ts';

const { registry, resolver } = createMemoryDiscovery();
const server = createServer({ image: readImage(new URL('image.binpb', import.meta.url)) });
server.add(HelloServiceDefinition, {
  sayHello: async ({ name }) => ({ greeting: 'hello ' + name }),
});
const address = await server.listen();
const lease = await registry.register({ instanceId: 'hello-1', service: 'hello', ...address, metadata: {} });

const hello = createClient(HelloServiceDefinition, { resolver });
const { greeting } = await hello.sayHello({ name: 'Ada' });
const refusal = await hello.sayHello({ name: '' }).catch((thrown: unknown) => MeshError.from(thrown).reason);
console.log(greeting, refusal);

// @ts-expect-error: a name that the contract does not have.
export const wrong = () => hello.sayHello({ nom: 'Ada' });

await closeClient(hello);
await lease.close();
await server.close();
`;

const project = {
  'package.json': JSON.stringify({ private: true, type: 'module' }),
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      ...{ target: 'es2023', module: 'nodenext', strict: true, noEmit: true, types: ['node'] },
      ...{ exactOptionalPropertyTypes: true, allowImportingTsExtensions: true },
    },
    files: ['hello.ts'],
  }),
  'buf.yaml': 'version: v2\nmodules: [{ path: proto }, { path: node_modules/weft/proto }]\n',
  'buf.gen.yaml': readFileSync(join(repository, 'buf.gen.yaml'), 'utf8').replace(
    'node_modules/.bin',
    bin,
  ),
  'proto/hello/v1/hello.proto': contract,
  'hello.ts': program,
};

let stranger: Scratch;

beforeAll(async () => {
  stranger = createScratch();
  stranger.write(project);
  await succeed(repository, ['npm', 'pack', '--silent', '--pack-destination', stranger.root]);
  const [tarball = ''] = globSync('*.tgz', { cwd: stranger.root });
  const { devDependencies } = JSON.parse(
    readFileSync(join(repository, 'package.json'), 'utf8'),
  ) as {
    devDependencies: Record<string, string>;
  };
  const packages = [`./${tarball}`, `@types/node@${String(devDependencies['@types/node'])}`];
  const quick = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await succeed(stranger.root, ['npm', 'install', '--silent', ...quick, ...packages]);
  await succeed(stranger.root, ['buf', 'generate']);
  await succeed(stranger.root, ['buf', 'build', '--as-file-descriptor-set', '-o', 'image.binpb']);
}, 240_000);

afterAll(() => stranger.close());

test('a stranger makes a typed call with the package, and a refusal has its reason', async () => {
  await succeed(stranger.root, ['tsc', '-p', '.']);
  expect(await succeed(stranger.root, ['node', 'hello.ts'])).toBe('hello Ada INVALID_FIELDS\n');
}, 60_000);

test('the command line comes with it', async () => {
  const weft = join(stranger.root, 'node_modules/.bin/weft');
  expect(await succeed(stranger.root, [weft, '--help'])).toMatch(/\bup\b[^]*\bdoctor\b/);
});

test('tests, stories and the pinned Node stay at home, what others test with does not', () => {
  const inside = globSync('**/*', { cwd: join(stranger.root, 'node_modules/weft') });
  expect(inside.filter((file) => /\.test\.|(^|\/)(shop|services|lab)(\/|$)/.test(file))).toEqual(
    [],
  );
  // Of what tests are written with goes along what strangers may import, and what that needs.
  const testing = inside.filter((file) => /mesh\/testing\/.*\.js$/.test(file)).sort();
  expect(testing.map((file) => basename(file, '.js'))).toEqual([
    ...['error-of', 'eventually', 'fake-clock', 'in-process', 'index', 'seeded-random'],
  ]);
  expect(inside).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/gen/image.binpb']));
  expect(existsSync(join(stranger.root, 'node_modules/.bin/node'))).toBe(false);
});

/** Runs a command that must succeed, without what jest asks of Node for itself; gives what it prints. */
async function succeed(cwd: string, command: readonly [string, ...string[]]): Promise<string> {
  const { code, stdout, stderr } = await run(cwd, command, { NODE_OPTIONS: '' });
  if (code !== 0) throw new Error(`${command.join(' ')} (in ${cwd}):\n${stdout}${stderr}`);
  return stdout;
}
