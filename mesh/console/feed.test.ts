import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createFeed } from './feed.ts';
import type { Regions } from './regions.ts';

const regions = (topology: string): Regions => {
  return { standing: 's', topology, services: '', calls: '', traces: '', events: '' };
};

function rig() {
  const clock = createFakeClock();
  const counts = { looks: 0, rests: 0 };
  const feed = createFeed({
    look: async () => regions(String((counts.looks += 1))),
    rest: async () => {
      counts.rests += 1;
    },
    ...{ clock, everyMs: 2_000, restAfterMs: 10_000 },
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settled();
  };
  return { clock, counts, feed, pass, settled };
}

describe('the feed', () => {
  test('looks once for all who watch, and tells each what changed', async () => {
    const { counts, feed, pass, settled } = rig();
    const told: Partial<Regions>[][] = [[], []];
    const leave = told.map((each) => feed.watch((changed) => each.push(changed) > 0));
    await settled();
    await pass(2_000);
    await pass(2_000);
    expect(counts.looks).toBe(3);
    expect(told[0]?.[0]).toEqual(regions('1'));
    expect(told[0]?.slice(1)).toEqual([{ topology: '2' }, { topology: '3' }]);
    expect(told[1]).toEqual(told[0]);
    for (const each of leave) each();
    await feed.close();
  });

  test('does not look while nobody watches, and lets go of everything after a while', async () => {
    const { clock, counts, feed, pass, settled } = rig();
    const leave = feed.watch(() => true);
    await settled();
    leave();
    await pass(9_000);
    expect(counts).toEqual({ looks: 1, rests: 0 });
    await pass(60_000);
    expect(counts).toEqual({ looks: 1, rests: 1 });
    await feed.close();
    expect(clock.pending).toBe(0);
  });

  test('gives whoever asks a picture that is no older than one look', async () => {
    const { counts, feed, pass } = rig();
    expect((await feed.now()).topology).toBe('1');
    expect((await feed.now()).topology).toBe('1');
    await pass(2_000);
    expect((await feed.now()).topology).toBe('2');
    expect(counts.looks).toBe(2);
    await feed.close();
  });

  test('leaves looks out for a viewer who is behind, and then brings all that it missed', async () => {
    const { feed, pass, settled } = rig();
    const told: Partial<Regions>[] = [];
    let behind = false;
    feed.watch((changed) => {
      if (!behind) told.push(changed);
      return !behind;
    });
    await settled();
    behind = true;
    await pass(2_000);
    behind = false;
    await pass(2_000);
    expect(told.map(({ topology }) => topology)).toEqual(['1', '3']);
    await feed.close();
  });
});
