import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MeshError } from '../kernel/error.ts';
import { silentLog } from '../kernel/log.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { type Breaker, createBreaker, type Passage } from './breaker.ts';
import type { Verdict } from './failure.ts';

// cockatiel reads the time of day itself: there is no port to hold.
const realNow = Date.now;
let clock = createFakeClock();
beforeEach(() => {
  Date.now = () => clock.now();
});
afterEach(() => {
  Date.now = realNow;
});

const verdict = fc.constantFrom<Verdict>('success', 'failure', 'neutral');
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('call' as const), verdict }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('begin' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(20), verdict }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(3000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** cockatiel changes its state some microtasks after it has learned. */
async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}

/** Walks the steps, and holds the breaker to what it promises at each of them. */
async function walk(breaker: Breaker, steps: readonly Step[]): Promise<Passage[]> {
  const out: Passage[] = [];
  /** The probe that is out; its verdict has not been told. */
  let probe: Passage | undefined;
  let failures = 0;

  function enter(): Passage | undefined {
    const before = breaker.state;
    try {
      const passage = breaker.enter();
      if (before !== 'closed') {
        if (probe !== undefined) throw new Error('two probes at a time');
        probe = passage;
      }
      return passage;
    } catch (thrown) {
      const { reason, details } = MeshError.from(thrown);
      if (reason !== 'BREAKER_OPEN') throw thrown;
      if (before === 'closed') throw new Error('refused while it was closed', { cause: thrown });
      const { retryAfterMs = 0 } = details;
      if (retryAfterMs < 1 || retryAfterMs > 72_001)
        throw new Error('no time to ask again', { cause: thrown });
      return undefined;
    }
  }
  async function leave(passage: Passage, how: Verdict): Promise<void> {
    const before = breaker.state;
    if (how === 'failure') failures++;
    passage.leave(how);
    if (passage === probe) probe = undefined;
    await settle();
    if (before !== 'open' && breaker.state === 'open' && how !== 'failure') {
      throw new Error(`opened for a ${how}`);
    }
    if (breaker.state === 'open' && failures === 0) throw new Error('opened without a failure');
  }

  for (const each of steps) {
    if (each.kind === 'time') clock.advance(each.ms);
    else if (each.kind === 'end') {
      const [passage] = out.splice(each.which % Math.max(1, out.length), 1);
      if (passage !== undefined) await leave(passage, each.verdict);
    } else {
      const passage = enter();
      if (passage === undefined) continue;
      if (each.kind === 'begin') out.push(passage);
      else await leave(passage, each.verdict);
    }
  }
  for (const passage of out.splice(0)) await leave(passage, 'neutral');
  return out;
}

describe('a breaker, whatever happens to it', () => {
  test('refuses nothing while closed, sends one probe at a time, opens for failures only, and recovers', async () => {
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.nat(),
      async (steps, seed) => {
        clock = createFakeClock();
        const parts = {
          target: 'inventory',
          clock,
          random: createSeededRandom(seed),
          log: silentLog,
        };
        const breaker = createBreaker(parts);
        await walk(breaker, steps);
        // The longest time open, and its jitter: then the target is well.
        clock.advance(73_000);
        breaker.enter().leave('success');
        await settle();
        if (breaker.state !== 'closed') throw new Error(`it stays ${breaker.state}`);
        const isOpen = (): boolean => breaker.state === 'open';
        // And it still guards: whatever came before, a target that dies is noticed.
        for (let i = 0; i < 7; i++) {
          breaker.enter().leave('failure');
          await settle();
          clock.advance(20);
          if (isOpen()) return;
        }
        throw new Error('it opens no more');
      },
    );
    await fc.assert(property, { numRuns: 10_000 });
    expect(clock.pending).toBe(0);
  }, 60_000);
});
