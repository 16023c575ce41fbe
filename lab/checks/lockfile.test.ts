import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { complete, type Lockfile, lockfile } from './lockfile.ts';
import { createScratch, type Scratch } from './scratch.ts';

/** As npm writes it where the registry serves one platform only. */
const partial: Lockfile = {
  packages: {
    '': {},
    'node_modules/swift': {
      version: '1.2.3',
      dev: true,
      optionalDependencies: {
        'swift-darwin-arm64': '1.2.3',
        'swift-linux-arm-musleabihf': '1.2.3',
        'swift-linux-x64-gnu': '1.2.3',
        'swift-win32-x64-msvc': '1.2.3',
      },
    },
    'node_modules/swift-linux-x64-gnu': { version: '1.2.3', optional: true },
  },
};

let scratch: Scratch;

beforeEach(() => {
  scratch = createScratch();
});

afterEach(() => scratch.close());

test('a platform that is missing is named', async () => {
  scratch.write({ 'package-lock.json': JSON.stringify(partial) });
  expect(await lockfile.run(scratch.root)).toEqual({
    ok: false,
    report: [
      'swift-darwin-arm64@1.2.3 is missing',
      'swift-linux-arm-musleabihf@1.2.3 is missing',
      'swift-win32-x64-msvc@1.2.3 is missing',
      'run: make lock',
    ].join('\n'),
  });
});

test('completed, it says for which platform each package is, and holds', async () => {
  const whole = complete(partial);
  const common = { version: '1.2.3', dev: true, optional: true };
  expect(whole.packages).toMatchObject({
    'node_modules/swift-darwin-arm64': { ...common, os: ['darwin'], cpu: ['arm64'] },
    'node_modules/swift-linux-arm-musleabihf': { ...common, cpu: ['arm'], libc: ['musl'] },
    'node_modules/swift-win32-x64-msvc': { ...common, os: ['win32'], cpu: ['x64'] },
  });
  expect(whole.packages['node_modules/swift-win32-x64-msvc']).not.toHaveProperty('libc');
  scratch.write({ 'package-lock.json': JSON.stringify(whole) });
  expect(await lockfile.run(scratch.root)).toMatchObject({ ok: true });
});
