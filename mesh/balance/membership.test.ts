import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Endpoint } from '../kernel/endpoint.ts';
import { balancerBed, broken, endpoint, endpoints, ok } from '../testing/balancer-bed.ts';
import { subsetOf } from './subset.ts';

const idsOf = (some: readonly Endpoint[]): string[] => some.map(({ instanceId }) => instanceId);

describe('more than 64 endpoints', () => {
  test('are used 32 at a time, the same by the same client', () => {
    const room = balancerBed(200, { clientId: 'orders-1' });
    expect(room.balancer.size).toBe(200);
    const used = room.balancer.describe().map(({ instanceId }) => instanceId);
    expect(used).toHaveLength(32);
    const again = balancerBed(endpoints(200).reverse(), { clientId: 'orders-1', seed: 9 });
    const same = again.balancer.describe().map(({ instanceId }) => instanceId);
    expect(same.toSorted()).toEqual(used.toSorted());
    const other = balancerBed(200, { clientId: 'orders-2' });
    expect(other.balancer.describe().map(({ instanceId }) => instanceId)).not.toEqual(used);
  });

  test('64 are all used; once subsetting has begun, one less does not end it', () => {
    const room = balancerBed(64);
    expect(room.balancer.describe()).toHaveLength(64);
    room.balancer.update(endpoints(65));
    expect(room.balancer.describe()).toHaveLength(32);
    room.balancer.update(endpoints(60));
    expect(room.balancer.describe()).toHaveLength(32);
    room.balancer.update(endpoints(32));
    expect(room.balancer.describe()).toHaveLength(32);
    room.balancer.update(endpoints(60));
    expect(room.balancer.describe()).toHaveLength(60);
  });

  test('one endpoint more or less changes at most one of those that are used', () => {
    const property = fc.property(fc.string(), fc.integer({ min: 33, max: 300 }), (client, size) => {
      const before = new Set(idsOf(subsetOf(endpoints(size), 32, client)));
      const after = idsOf(subsetOf(endpoints(size + 1), 32, client));
      expect(after).toHaveLength(32);
      expect(after.filter((id) => !before.has(id)).length).toBeLessThanOrEqual(1);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test('get an even load from many clients', () => {
    const all = endpoints(100);
    const load = new Map(idsOf(all).map((id) => [id, 0]));
    const clients = 1000;
    for (let i = 0; i < clients; i++) {
      for (const id of idsOf(subsetOf(all, 32, `client-${String(i)}`))) {
        load.set(id, (load.get(id) ?? 0) + 1);
      }
    }
    // 320 each on average; chance alone makes a standard deviation of 15.
    expect(Math.min(...load.values())).toBeGreaterThan(320 - 65);
    expect(Math.max(...load.values())).toBeLessThan(320 + 65);
  });
});

describe('zones', () => {
  /** Every third endpoint is in zone a, the others in b and c. */
  const zoned = (count: number): Endpoint[] =>
    Array.from({ length: count }, (_, i) => endpoint(i, { zone: 'abc'.charAt(i % 3) }));
  const isLocal = (id: string): boolean => Number(id.slice(1)) % 3 === 0;
  const localOf = (got: Map<string, number>): number =>
    [...got].reduce((sum, [id, calls]) => (isLocal(id) ? sum + calls : sum), 0);

  test('calls stay in the own zone while it has its share of endpoints', () => {
    const room = balancerBed(zoned(12), { zone: 'a' });
    expect(localOf(room.serve(500, () => 1))).toBe(500);
    expect(room.balancer.describe().filter(({ local }) => local)).toHaveLength(4);
  });

  test('they spill over as far as it falls short, and all leave when none is left', () => {
    const room = balancerBed(zoned(12), { zone: 'a', ejectMs: 60_000 });
    const refuse = (id: string) => {
      const others = new Set(idsOf(zoned(12)).filter((each) => each !== id));
      room.pick(others).done({ ...broken, refused: true });
    };
    // Three of four left: 0.75 x 1.4 is still enough.
    refuse('e0');
    expect(localOf(room.serve(500, () => 1))).toBe(500);
    // One of four: 35 % stay, and of the rest one in nine comes back by chance.
    refuse('e3');
    refuse('e6');
    const stayed = localOf(room.serve(2000, () => 1));
    expect(stayed).toBeGreaterThan(2000 * 0.3);
    expect(stayed).toBeLessThan(2000 * 0.55);
    refuse('e9');
    expect(localOf(room.serve(500, () => 1))).toBe(0);
  });

  test('a retry leaves the zone when all of it has failed the call', () => {
    const room = balancerBed(zoned(12), { zone: 'a' });
    const pick = room.pick(new Set(['e0', 'e3', 'e6', 'e9']));
    expect(isLocal(pick.endpoint.instanceId)).toBe(false);
    pick.done(ok);
  });

  test('few endpoints are left to their latencies, and so is who knows no zone', () => {
    for (const room of [balancerBed(zoned(5), { zone: 'a' }), balancerBed(zoned(12), {})]) {
      expect(localOf(room.serve(500, () => 1))).toBeLessThan(350);
    }
  });

  test('of very many, each zone gives a subset of its own', () => {
    const room = balancerBed(zoned(300), { zone: 'b' });
    const used = room.balancer.describe();
    expect(used.filter(({ local }) => local)).toHaveLength(32);
    expect(used).toHaveLength(64);
  });
});
