import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Checked, createProbation, type Probation } from './probation.ts';

const instances = (total: number, failing: readonly number[] = []): Checked[] =>
  Array.from({ length: total }, (_, index) => ({
    endpoint: {
      instanceId: `i${String(index).padStart(2, '0')}`,
      service: 's',
      host: 'h',
      port: 1,
      metadata: {},
    },
    passing: !failing.includes(index),
  }));
const first = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const open = (total: number): Probation => {
  const probation = createProbation();
  probation.judge(instances(total), 0);
  return probation;
};
const used = (probation: Probation, said: Checked[], nowMs: number): number =>
  probation.judge(said, nowMs).endpoints.length;

describe('an instance whose check fails', () => {
  test.each([2, 3, 10, 100])('leaves at once when it is one of %d', (total) => {
    expect(used(open(total), instances(total, [0]), 1)).toBe(total - 1);
  });

  test('stays, as a suspect, when there is no other', () => {
    const probation = open(1);
    const { endpoints, suspects } = probation.judge(instances(1, [0]), 1);
    expect(endpoints).toHaveLength(1);
    expect([...suspects]).toEqual(['i00']);
    // No end but the registry's: it forgets a dead instance in a minute.
    expect(used(probation, instances(1, [0]), 1_000_000)).toBe(1);
    expect(probation.judge(instances(1), 1_000_001).suspects.size).toBe(0);
  });

  test('leaves at once when it is deregistered, even the last one', () => {
    const probation = open(4);
    expect(used(probation, instances(4, first(4)), 1)).toBe(4);
    expect(used(probation, instances(1, [0]), 2)).toBe(1);
    expect(used(probation, [], 3)).toBe(0);
  });

  test('was never in use if it never passed', () => {
    expect(used(createProbation(), instances(3, first(3)), 0)).toBe(0);
    const moved = instances(1, [0]).map(({ endpoint }) => ({
      endpoint: { ...endpoint, port: 2 },
      passing: false,
    }));
    expect(used(open(1), moved, 1)).toBe(0);
  });
});

describe('many instances whose checks fail at one time', () => {
  test('are kept for 30 s when they are more than 15 %', () => {
    const probation = open(10);
    const { suspects, againAtMs } = probation.judge(instances(10, [0, 1]), 1_000);
    expect(suspects.size).toBe(2);
    expect(againAtMs).toBe(31_000);
    expect(used(probation, instances(10, [0, 1]), 30_999)).toBe(10);
    expect(used(probation, instances(10, [0, 1]), 31_000)).toBe(8);
  });

  test('are believed when they are fewer', () => {
    expect(used(open(20), instances(20, [0, 1, 2]), 1)).toBe(17);
    expect(used(open(20), instances(20, [0, 1, 2, 3]), 1)).toBe(20);
  });

  test('count together though their news comes one after the other', () => {
    const probation = open(10);
    expect(used(probation, instances(10, [0]), 0)).toBe(9);
    expect(used(probation, instances(10, [0, 1]), 900)).toBe(10);
  });

  test('are kept without an end when they are more than half', () => {
    const probation = open(4);
    expect(used(probation, instances(4, [0, 1, 2]), 0)).toBe(4);
    expect(used(probation, instances(4, [0, 1, 2]), 1_000_000)).toBe(4);
  });
});

test('whatever the checks say, an instance that passes is used, and none that is not registered', () => {
  const step = fc.record({
    total: fc.nat(8),
    failing: fc.uniqueArray(fc.nat(8)),
    ms: fc.nat(20_000),
  });
  const property = fc.property(fc.array(step), (steps) => {
    const probation = createProbation();
    let nowMs = 0;
    let passed = new Set<string>();
    for (const { total, failing, ms } of steps) {
      nowMs += ms;
      const said = instances(total, failing);
      const { endpoints, suspects } = probation.judge(said, nowMs);
      const ids = new Set(endpoints.map(({ instanceId }) => instanceId));
      for (const { endpoint, passing } of said) {
        if (passing) expect(ids.has(endpoint.instanceId)).toBe(true);
        expect(suspects.has(endpoint.instanceId) && passing).toBe(false);
      }
      expect(said.filter(({ endpoint }) => ids.has(endpoint.instanceId))).toHaveLength(ids.size);
      // A set that worked is never emptied by checks alone.
      const stillThere = said.filter(({ endpoint }) => passed.has(endpoint.instanceId));
      if (stillThere.length > 0) expect(ids.size).toBeGreaterThan(0);
      passed = ids;
    }
  });
  fc.assert(property, { numRuns: 2_000 });
});
