import { tmpdir } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { type Check, commandCheck, holds, type Outcome, runChecks } from './check.ts';

const names = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ name }) => name);
const silent = { workers: 2, onOutcome: (): void => undefined };

describe('checks', () => {
  test('run side by side, never more than there are workers', async () => {
    let running = 0;
    let most = 0;
    const check = (name: string): Check => ({
      name,
      async run() {
        most = Math.max(most, ++running);
        await Promise.resolve();
        running--;
        return holds();
      },
    });
    const outcomes = await runChecks(['a', 'b', 'c', 'd'].map(check), '.', silent);
    expect(names(outcomes).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(most).toBe(2);
  });

  test('one that throws has failed, and the others still run', async () => {
    const faulty: Check = { name: 'faulty', run: () => Promise.reject(new Error('no disk')) };
    const sound: Check = { name: 'sound', run: () => Promise.resolve(holds()) };
    const outcomes = await runChecks([faulty, sound], '.', { ...silent, workers: 1 });
    expect(outcomes).toMatchObject([
      { name: 'faulty', ok: false, report: 'Error: no disk' },
      { name: 'sound', ok: true },
    ]);
  });
});

describe('a command', () => {
  test('that fails reports what it said on both outputs', async () => {
    const script = 'console.log("out"); console.error("err"); process.exit(3)';
    const verdict = await commandCheck('x', ['node', '-e', script]).run(tmpdir());
    expect(verdict).toEqual({ ok: false, report: 'out\nerr' });
  });

  test('that does not exist has failed', async () => {
    const verdict = await commandCheck('x', ['there-is-no-such-command']).run(tmpdir());
    expect(verdict.ok).toBe(false);
    expect(verdict.report).toContain('ENOENT');
  });
});
