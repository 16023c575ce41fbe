import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { systemRandom } from '../../kernel/random.ts';
import { eventually } from '../../testing/eventually.ts';
import { type Child, createChild } from './child.ts';
import { lastWords } from './output.ts';

let folder: string;
let log: string;
let child: Child | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-child-'));
  log = join(folder, 'log', 'toy.log');
});
afterEach(async () => {
  await child?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(command: readonly string[], graceMs = 5_000): Child {
  child = createChild({
    plan: {
      ...{ id: 'toy#1', service: 'toy', instance: 1, kind: 'service', log, command },
      ...{ env: { GREETING: 'hello' }, ports: [], after: [], calls: [] },
      ...{ ready: { kind: 'tcp', port: 0 }, readyWithinMs: 5_000, graceMs },
    },
    root: folder,
    env: process.env,
    clock: systemClock,
    random: systemRandom,
    isReady: async () => true,
    onChange: () => undefined,
  });
  child.start();
  return child;
}

const reaches = (toy: Child, state: string): Promise<unknown> =>
  eventually(() => toy.state().name === state);

describe('a supervised process', () => {
  test('runs in the checkout with its variables, and what it says is kept', async () => {
    const toy = start(['/bin/sh', '-c', 'echo "$GREETING from $(pwd)"; exec sleep 600']);
    await reaches(toy, 'ready');
    await eventually(() => lastWords(log, 5).includes(`hello from ${folder}`));
    expect(await toy.stop()).toBe(false);
    expect(toy.state().name).toBe('stopped');
    expect(toy.history()).toEqual({ restarts: 0, failures: 0, lastExit: 'SIGTERM' });
  });

  test('is started again after a crash, later each time', async () => {
    const toy = start(['/bin/sh', '-c', 'echo oh no; exit 7']);
    await eventually(() => toy.history().failures >= 3);
    expect(toy.history().lastExit).toBe('exit code 7');
    const pauses = [...readFileSync(log, 'utf8').matchAll(/again in (\d+) ms/g)].map(([, ms]) =>
      Number(ms),
    );
    expect(pauses[0]).toBeGreaterThanOrEqual(160);
    expect(pauses[0]).toBeLessThanOrEqual(240);
    expect(pauses[1]).toBeGreaterThanOrEqual(320);
    expect(pauses[2]).toBeGreaterThanOrEqual(640);
    expect(lastWords(log, 5)).toEqual(['oh no']);
  });

  test('that cannot even be started is a crash, and says why', async () => {
    const toy = start(['/nowhere/toy']);
    await eventually(() => toy.history().failures >= 1);
    expect(toy.history().lastExit).toBe('cannot be started');
    expect(readFileSync(log, 'utf8')).toContain(
      'toy#1 cannot be started: spawn /nowhere/toy ENOENT',
    );
  });

  test('that does not end after SIGTERM is killed with all it started, and that is told', async () => {
    const toy = start(['/bin/sh', '-c', 'trap "" TERM; sleep 600; sleep 600'], 100);
    await reaches(toy, 'ready');
    const both = await Promise.all([toy.stop(), toy.stop()]);
    expect(both).toEqual([true, true]);
    expect(toy.state().name).toBe('stopped');
  });

  test('that was told to stop while it waits for its restart stays stopped', async () => {
    const toy = start(['/bin/sh', '-c', 'exit 1']);
    await reaches(toy, 'waiting');
    await toy.stop();
    const { restarts } = toy.history();
    await systemClock.sleep(400);
    expect(toy.state().name).toBe('stopped');
    expect(toy.history().restarts).toBe(restarts);
  });
});
