import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nextMove } from './shares.ts';

test.each([
  [8, 1, 0, { take: 8, give: 0 }],
  [8, 2, 8, { take: 0, give: 4 }],
  [8, 3, 4, { take: 0, give: 1 }],
  [8, 3, 2, { take: 1, give: 0 }],
  [1, 3, 0, { take: 1, give: 0 }],
  [1, 0, 1, { take: 0, give: 0 }],
])('of %s places among %s members one that holds %s moves %j', (places, members, held, move) => {
  expect(nextMove({ places, members, held })).toEqual(move);
});

test('members that come and go come to shares that differ by at most one round', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 32 }), counts, (places, memberships) => {
      let held: number[] = [];
      for (const members of memberships) {
        // Those who leave give everything back.
        held = Array.from({ length: members }, (_, i) => held[i] ?? 0);
        for (let round = 0; round < 3; round++) {
          for (const i of held.keys()) {
            const mine = held[i] ?? 0;
            const free = places - held.reduce((sum, each) => sum + each, 0);
            const { take, give } = nextMove({ places, members, held: mine });
            held[i] = mine - give + Math.min(take, free);
          }
        }
        const share = Math.ceil(places / members);
        expect(held.reduce((sum, each) => sum + each, 0)).toBe(places);
        for (const each of held) expect(each).toBeLessThanOrEqual(share);
      }
    }),
  );
});
