import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, jest, test } from '@jest/globals';
import { loadMs, simulate } from './mesh.ts';
import { brokenPromises, describeReport, type SimReport } from './report.ts';

// A run is half a second of work; a machine that does ten other things takes longer.
jest.setTimeout(120_000);

const small = { services: 10, instances: 4, layers: 5 };
const seconds = loadMs / 1000;

describe('the simulated mesh', () => {
  test.each([1, 2, 3, 4])('keeps its promises through every fault (seed %d)', async (seed) => {
    const report = await simulate(seed, small);
    expect(brokenPromises(report, seconds)).toEqual([]);
    expect(report.calls).toBeGreaterThan(1000);
    expect(report.faults.map(({ name }) => name)).toContain('partition');
    // The faults do something; else the rest says little.
    expect(Math.min(...report.faults.map(({ worst }) => worst))).toBeLessThan(0.99);
  });

  test('is the same for the same seed, in another process too, and not for another seed', async () => {
    const [first, again, other] = [
      await simulate(5, small),
      await simulate(5, small),
      await simulate(6, small),
    ];
    expect(again).toEqual(first);
    expect(other.trace).not.toBe(first.trace);
    const args = ['--disable-warning=ExperimentalWarning', 'lab/sim/main.ts', '5', '10', '4'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout.trimEnd()).toBe(describeReport(first));
  });

  test('gives time and chance back', async () => {
    const before = [Date.now, Math.random, setTimeout, setImmediate, clearTimeout];
    await simulate(7, { services: 5, instances: 1, layers: 5, perInstance: 0.2 });
    expect([Date.now, Math.random, setTimeout, setImmediate, clearTimeout]).toEqual(before);
    expect(Date.now()).toBeGreaterThan(1_750_000_100_000);
  });
});

describe('a broken promise', () => {
  const kept: SimReport = {
    seed: 1,
    trace: '',
    events: 1,
    calls: 3,
    answered: 2,
    failed: 1,
    faults: [{ name: 'crashes', worst: 0.5, recoverySeconds: 2 }],
    hops: [{ from: 'edge', to: 'service-00', calls: 1000, attempts: 1200 }],
    left: 0,
  };

  test.each<[string, Partial<SimReport>]>([
    ['1 calls were never answered', { failed: 0 }],
    ['2 things are still in flight', { left: 2 }],
    [
      'edge sent service-00 2051 attempts for 1000 calls, over 1.2 x calls + 10/s',
      { hops: [{ from: 'edge', to: 'service-00', calls: 1000, attempts: 2051 }] },
    ],
    [
      '15 s after "crashes" calls still failed',
      { faults: [{ name: 'crashes', worst: 0, recoverySeconds: 15 }] },
    ],
  ])('is told: %s', (text, change) => {
    expect(brokenPromises(kept, 85)).toEqual([]);
    expect(brokenPromises({ ...kept, ...change }, 85)).toEqual([text]);
  });
});
