import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

/** What a main.ts of these lines prints, started with `env`. */
function start(lines: string, env: Readonly<Record<string, string>>) {
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '--eval', lines], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  return { status, stdout, stderr };
}

const settings = "import { readSettings } from './mesh/app/settings.ts';";

test('a variable that makes no sense ends the process with one sentence, and no stack around it', () => {
  const { status, stdout, stderr } = start(`${settings} readSettings(process.env);`, {
    ...{ PORT: 'abc', LANE: 'yes' },
  });
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(
    /^cannot start: the environment of this process is not usable: PORT: use a number from 0 to 65535[^\n]*\(found "abc"\); LANE: [^\n]*\(found "yes"\)\n$/,
  );
});

test('an image that was never made says what makes it', () => {
  const lines =
    "import { readImage } from './mesh/schema/image.ts'; readImage('/nowhere/image.binpb');";
  const { status, stderr } = start(lines, {});
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^cannot start: no image at \/nowhere\/image.binpb: [^\n]*make gen[^\n]*\n$/,
  );
});

test('who catches the fault goes on, and faults of another kind keep their stack', () => {
  const lines = `${settings} try { readSettings(process.env); } catch {} throw new Error('of my own');`;
  const { status, stderr } = start(lines, { PORT: 'abc' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/Error: of my own\n +at /);
  expect(stderr).not.toContain('cannot start');
});
