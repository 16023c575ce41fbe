import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createRetryBudget } from './budget.ts';
import { createRollingCount } from './rolling-count.ts';

describe('a rolling count', () => {
  test('forgets what is older than its window, also when nothing happened in between', () => {
    const clock = createFakeClock();
    const count = createRollingCount({ clock, windowMs: 10_000 });
    for (let i = 0; i < 60; i++) count.add();
    clock.advance(9_999);
    expect(count.sum()).toBe(60);
    // The defect of cockatiel's SamplingBreaker: an hour of silence kept all 60 in its window.
    clock.advance(3_600_000);
    count.add();
    expect(count.sum()).toBe(1);
  });

  test('counts all of the window and at most one slot more, however calls are spread', () => {
    const gaps = fc.array(fc.nat(2500), { minLength: 1, maxLength: 60, size: 'max' });
    const property = fc.property(gaps, (gapsMs) => {
      const clock = createFakeClock();
      const count = createRollingCount({ clock, windowMs: 10_000 });
      const times: number[] = [];
      for (const gapMs of gapsMs) {
        clock.advance(gapMs);
        count.add();
        times.push(clock.monotonic());
      }
      const within = (ms: number): number =>
        times.filter((at) => at > clock.monotonic() - ms).length;
      expect(count.sum()).toBeGreaterThanOrEqual(within(10_000));
      expect(count.sum()).toBeLessThanOrEqual(within(11_001));
    });
    fc.assert(property, { numRuns: 1000 });
  });
});

describe('the retry budget', () => {
  test('tells what is left, and goes by other numbers when it is told to', () => {
    const budget = createRetryBudget(createFakeClock(), { perSecond: 1 });
    for (let i = 0; i < 50; i++) budget.deposit();
    expect(budget.left()).toBe(20);
    for (let i = 0; i < 15; i++) budget.withdraw();
    budget.configure({ share: 0, perSecond: 1 });
    expect([budget.left(), budget.withdraw()]).toEqual([0, false]);
    budget.configure({ share: 0.4, perSecond: 0 });
    expect(budget.left()).toBe(5);
  });

  test('lets a quiet client retry: ten a second over ten seconds', () => {
    const budget = createRetryBudget(createFakeClock());
    let taken = 0;
    while (budget.withdraw()) taken++;
    expect(taken).toBe(100);
  });

  test('gives a fifth of the calls on top', () => {
    const budget = createRetryBudget(createFakeClock(), { perSecond: 0 });
    for (let i = 0; i < 4; i++) budget.deposit();
    expect(budget.withdraw()).toBe(false);
    budget.deposit();
    expect(budget.withdraw()).toBe(true);
    expect(budget.withdraw()).toBe(false);
  });

  test('fills again with time', () => {
    const clock = createFakeClock();
    const budget = createRetryBudget(clock);
    while (budget.withdraw());
    clock.advance(11_001);
    expect(budget.withdraw()).toBe(true);
  });

  test('retries never exceed 20 % of the calls + 10/s, in no window of ten seconds', () => {
    const steps = fc.array(fc.record({ calls: fc.nat(40), tries: fc.nat(60), ms: fc.nat(4000) }), {
      maxLength: 12,
      size: 'max',
    });
    const property = fc.property(steps, (run) => {
      const clock = createFakeClock();
      const budget = createRetryBudget(clock);
      const calls: number[] = [];
      const retries: number[] = [];
      for (const { calls: made, tries, ms } of run) {
        for (let i = 0; i < made; i++) {
          budget.deposit();
          calls.push(clock.monotonic());
        }
        for (let i = 0; i < tries; i++) if (budget.withdraw()) retries.push(clock.monotonic());
        clock.advance(ms);
        const from = clock.monotonic() - 10_000;
        const spent = retries.filter((at) => at > from).length;
        // Slots are whole seconds: up to one slot of calls before the window may have paid.
        const paid = calls.filter((at) => at > from - 12_000).length;
        if (spent > 100 + 0.2 * paid) expect(spent).toBeLessThanOrEqual(100 + 0.2 * paid);
      }
    });
    fc.assert(property, { numRuns: 4_000 });
  });
});
