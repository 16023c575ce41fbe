import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BalancerBed, balancerBed, broken, endpoints, ok } from '../testing/balancer-bed.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import type { Pick } from './balancer.ts';
import { count, newSuccessWindow, successRate } from './success-window.ts';

/** A step of a run: the numbers choose among the endpoints or the calls that are there. */
const step = fc.oneof(
  fc.record({ do: fc.constant('pick' as const), exclude: fc.nat(7), stream: fc.boolean() }),
  fc.record({ do: fc.constant('again' as const), which: fc.nat(63) }),
  fc.record({ do: fc.constant('done' as const), which: fc.nat(63), how: fc.nat(5) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.nat(3000) }),
  fc.record({ do: fc.constant('update' as const), keep: fc.nat(255) }),
);

const outcomes = [
  ok,
  broken,
  { ...broken, refused: true },
  { ok: true, status: 'RESOURCE_EXHAUSTED' },
  { ok: true, status: 'CANCELLED' },
  { ok: false, status: 'DEADLINE_EXCEEDED' },
] as const;

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Takes one step in `room`; throws where a promise is broken. */
function take(each: Step, room: BalancerBed, held: Pick<string>[]): void {
  const { balancer, clock } = room;
  switch (each.do) {
    case 'advance':
      clock.advance(each.ms);
      return;
    case 'update':
      balancer.update(endpoints(8).filter((_, i) => ((each.keep >> i) & 1) === 1));
      return;
    case 'done':
      giveBack(held.splice(each.which % Math.max(1, held.length), 1)[0], each.how);
      return;
    case 'again': {
      const pick = held[each.which % Math.max(1, held.length)];
      if (pick !== undefined && balancer.size > 0) held.push(pick.again());
      return;
    }
    case 'pick': {
      const pick = checkedPick(room, `e${String(each.exclude)}`, each.stream);
      if (pick !== undefined) held.push(pick);
    }
  }
}

/** Twice, for the second time must do nothing. */
function giveBack(pick: Pick<string> | undefined, how: number): void {
  pick?.done(outcomes[how] ?? ok);
  pick?.done(ok);
}

function checkedPick(
  { balancer }: BalancerBed,
  excluded: string,
  stream: boolean,
): Pick<string> | undefined {
  const states = balancer.describe();
  if (states.some((e) => e.inFlight < 0 || e.streams < 0)) throw new Error('fewer than none');
  const out = states.filter((e) => e.health === 'ejected').map((e) => e.instanceId);
  const panic = states.length - out.length < states.length / 2;
  const pick = balancer.pick(new Set([excluded]), stream ? 'stream' : 'unary');
  const picked = pick?.endpoint.instanceId ?? '';
  if (picked === excluded) throw new Error(`${picked} was excluded`);
  if (!panic && out.includes(picked)) throw new Error(`${picked} was ejected`);
  return pick;
}

describe('whatever happens', () => {
  test('no ejected endpoint is picked unless in panic, no excluded one ever, and all comes back', () => {
    const property = fc.property(
      fc.nat(),
      fc.array(step, { maxLength: 60, size: 'max' }),
      (seed, steps) => {
        const room = balancerBed(8, { seed });
        const held: Pick<string>[] = [];
        for (const each of steps) take(each, room, held);
        for (const pick of held) pick.done(ok);
        const left = room.balancer.describe().filter((e) => e.inFlight + e.streams > 0);
        expect(left).toEqual([]);
      },
    );
    fc.assert(property, { numRuns: 3_000 });
  }, 120_000);

  test('there is always an endpoint unless all are excluded', () => {
    const property = fc.property(fc.nat(), fc.integer({ min: 1, max: 6 }), (seed, members) => {
      const room = balancerBed(members, { seed });
      const random = createSeededRandom(seed + 1);
      for (let i = 0; i < 100; i++) {
        room.pick().done(random.next() < 0.5 ? broken : ok);
        room.clock.advance(random.next() * 400);
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test('at least half of the endpoints are asked, however many of them fail', () => {
    const property = fc.property(fc.nat(), fc.nat(255), (seed, failing) => {
      const room = balancerBed(8, { seed });
      const fails = (id: string): boolean => ((failing >> Number(id.slice(1))) & 1) === 1;
      room.serve(
        200,
        () => 1,
        (id) => (fails(id) ? broken : ok),
      );
      const got = room.serve(
        120,
        () => 1,
        (id) => (fails(id) ? broken : ok),
      );
      expect(got.size).toBeGreaterThanOrEqual(4);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test('where nobody is, no call is sent while anybody is anywhere', () => {
    const property = fc.property(fc.nat(), fc.nat(254), (seed, gone) => {
      const room = balancerBed(8, { seed });
      const isGone = (id: string): boolean => ((gone >> Number(id.slice(1))) & 1) === 1;
      const outcome = (id: string) => (isGone(id) ? { ...broken, refused: true } : ok);
      room.serve(300, () => 1, outcome);
      const got = room.serve(300, () => 1, outcome);
      expect([...got.keys()].filter(isGone)).toEqual([]);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test('an ejected endpoint returns, and none starves: each is asked again within seconds', () => {
    const slow = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 2, maxLength: 8 });
    const property = fc.property(fc.nat(), slow, fc.nat(7), (seed, latencies, bad) => {
      const room = balancerBed(latencies.length, { seed });
      const latencyOf = (id: string): number => latencies[Number(id.slice(1))] ?? 1;
      const badId = `e${String(bad % latencies.length)}`;
      room.serve(100, latencyOf, (id) => (id === badId ? broken : ok));
      room.clock.advance(72_000);
      const got = room.serve(600, latencyOf);
      expect(got.size).toBe(latencies.length);
      expect(room.balancer.describe().every(({ health }) => health === 'in')).toBe(true);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test('the window of successes says what a list of the last ten seconds would', () => {
    const calls = fc.array(fc.tuple(fc.nat(4000), fc.boolean()), { maxLength: 60, size: 'max' });
    const property = fc.property(calls, (each) => {
      const window = newSuccessWindow();
      const list: { at: number; good: boolean }[] = [];
      let nowMs = 0;
      for (const [ms, good] of each) {
        nowMs += ms;
        count(window, good, nowMs, 10_000);
        list.push({ at: Math.floor(nowMs / 1000), good });
      }
      const newest = Math.floor(nowMs / 1000);
      const recent = list.filter(({ at }) => at > newest - 10);
      const share = recent.filter(({ good }) => good).length / recent.length;
      const expected = recent.length < 5 ? 1 : share;
      expect(successRate(window, { minCalls: 5 })).toBeCloseTo(expected, 9);
    });
    fc.assert(property, { numRuns: 10_000 });
  }, 60_000);
});
