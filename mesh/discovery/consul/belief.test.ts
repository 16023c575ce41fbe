import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Belief, type Endpoints, endpointsOf, hear, lose } from './belief.ts';

const some = (...ids: string[]): Endpoints =>
  ids.map((instanceId) => ({ instanceId, service: 's', host: 'h', port: 1, metadata: {} }));
const idsOf = (belief: Belief): string[] | undefined =>
  endpointsOf(belief)?.map((endpoint) => endpoint.instanceId);

const unknown: Belief = { state: 'unknown' };
const live: Belief = { state: 'live', endpoints: some('a', 'b') };
const still = (now: number) => ({ now, anew: false });
const anew = (now: number) => ({ now, anew: true });

describe('what is believed of a service', () => {
  test('is nothing until the registry answered, even when it is away', () => {
    expect(endpointsOf(unknown)).toBeUndefined();
    expect(lose(unknown)).toEqual(unknown);
    expect(hear(unknown, some(), anew(0))).toEqual({ state: 'live', endpoints: [] });
  });

  test('is what the registry says while it is there, even that nobody serves', () => {
    expect(hear(live, some('b'), still(0))).toEqual({ state: 'live', endpoints: some('b') });
    expect(hear(live, some(), still(0))).toEqual({ state: 'live', endpoints: [] });
  });

  test('is what the registry said last while it is away', () => {
    expect(lose(live)).toEqual({ state: 'lost', endpoints: some('a', 'b') });
  });

  test('is live again when the registry comes back with all that it had', () => {
    expect(hear(lose(live), some('a', 'b', 'c'), anew(0)).state).toBe('live');
  });

  test('keeps for 10 s whom a returned registry does not name', () => {
    const back = hear(lose(live), some(), anew(1_000));
    expect(back.state).toBe('settling');
    expect(idsOf(back)).toEqual(['a', 'b']);
    const later = hear(back, some('b', 'c'), still(10_999));
    expect(idsOf(later)).toEqual(['a', 'b', 'c']);
    expect(hear(later, some('b'), still(11_000))).toEqual({ state: 'live', endpoints: some('b') });
    expect(hear(later, some('a', 'b'), still(2_000)).state).toBe('live');
  });

  test('takes an index that went back for a lost memory', () => {
    expect(idsOf(hear(live, some('a'), anew(0)))).toEqual(['a', 'b']);
  });

  test('prefers what is said now to what was said before', () => {
    const moved = [{ instanceId: 'a', service: 's', host: 'elsewhere', port: 2, metadata: {} }];
    const back = hear(lose(live), moved, anew(0));
    expect(endpointsOf(back)?.[0]?.host).toBe('elsewhere');
  });

  test('never shrinks by an outage, is sorted, and in the end is what the registry says', () => {
    const said = fc.subarray(['a', 'b', 'c', 'd']).map((ids) => some(...ids));
    const step = fc.record({ said: fc.option(said), ms: fc.nat(5_000), regress: fc.boolean() });
    const property = fc.property(fc.array(step), said, (steps, truth) => {
      let belief: Belief = unknown;
      let now = 0;
      let away = false;
      for (const { said: answer, ms, regress } of steps) {
        now += ms;
        const before = idsOf(belief) ?? [];
        const memoryLost = away || regress;
        belief = answer === null ? lose(belief) : hear(belief, answer, { now, anew: memoryLost });
        const after = idsOf(belief) ?? [];
        expect(after).toEqual([...new Set(after)].sort());
        if (answer === null || memoryLost) expect(after).toEqual(expect.arrayContaining(before));
        away = answer === null;
      }
      belief = hear(belief, truth, { now, anew: away });
      belief = hear(belief, truth, still(now + 10_000));
      expect(belief).toEqual({ state: 'live', endpoints: truth });
    });
    fc.assert(property, { numRuns: 500 });
  });
});
