import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createLanes, type Lanes } from './lanes.ts';

interface Job {
  readonly lane: string;
  readonly nth: number;
  /** How often it asks to run again, each time after 10 ms. */
  again: number;
}

const jobs = fc.array(
  fc.record({ lane: fc.constantFrom('a', 'b', 'c'), again: fc.integer({ min: 0, max: 3 }) }),
  { maxLength: 20 },
);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('whatever fails and waits: each lane keeps its order, one job of it runs at a time, and no slot is overdrawn', async () => {
  await fc.assert(
    fc.asyncProperty(jobs, fc.integer({ min: 1, max: 3 }), async (list, slots) => {
      const clock = createFakeClock();
      const over: Job[] = [];
      const running = new Set<string>();
      let most = 0;
      const lanes: Lanes<Job> = createLanes({
        slots,
        clock,
        async run(job) {
          expect(running.has(job.lane)).toBe(false);
          running.add(job.lane);
          most = Math.max(most, running.size);
          await turn();
          running.delete(job.lane);
          if (job.again-- > 0) return { againMs: 10 };
          over.push(job);
          return undefined;
        },
      });
      const all = list.map((job, nth): Job => ({ ...job, nth }));
      for (const job of all) lanes.add(job.lane, job);
      while (over.length < all.length) {
        clock.advance(10);
        await turn();
      }
      expect(most).toBeLessThanOrEqual(slots);
      for (const lane of ['a', 'b', 'c']) {
        const nths = over.filter((job) => job.lane === lane).map(({ nth }) => nth);
        expect(nths).toEqual([...nths].sort((a, b) => a - b));
      }
    }),
    { numRuns: 100, endOnFailure: true },
  );
});

test('a job that waits to run again holds up its lane and nobody else', async () => {
  const clock = createFakeClock();
  const over: string[] = [];
  const lanes = createLanes<string>({
    ...{ slots: 1, clock },
    async run(job) {
      over.push(job);
      return over.filter((it) => it === 'a1').length === 1 && job === 'a1'
        ? { againMs: 1_000 }
        : undefined;
    },
  });
  for (const job of ['a1', 'a2', 'b1', 'b2']) lanes.add(job.slice(0, 1), job);
  await turn();
  expect(over).toEqual(['a1', 'b1', 'b2']);
  clock.advance(1_000);
  await turn();
  expect(over).toEqual(['a1', 'b1', 'b2', 'a1', 'a2']);
});

test('what is taken out never runs; what runs is left to end', async () => {
  const end = Promise.withResolvers<undefined>();
  const over: string[] = [];
  const lanes = createLanes<string>({
    ...{ slots: 4, clock: createFakeClock() },
    async run(job) {
      await end.promise;
      over.push(job);
      return undefined;
    },
  });
  for (const job of ['a1', 'a2', 'b1', 'b2']) lanes.add(job.slice(0, 1), job);
  expect(lanes.remove((job) => job.startsWith('a'))).toEqual(['a2']);
  end.resolve(undefined);
  await turn();
  expect(over).toEqual(['a1', 'b1', 'b2']);
});
