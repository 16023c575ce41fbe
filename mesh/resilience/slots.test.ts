import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSlots } from './slots.ts';

describe('the slots of a bulkhead', () => {
  test('are as many as the limit, and a slot that was given back is there at once', () => {
    const slots = createSlots(3);
    expect([1, 2, 3, 4].map(() => slots.take())).toEqual([true, true, true, false]);
    slots.give();
    expect([slots.take(), slots.take(), slots.used]).toEqual([true, false, 3]);
  });

  test('no run of calls and no change of the limit lets more in than it says, or fewer', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant('take' as const) },
      { weight: 5, arbitrary: fc.constant('give' as const) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 80 }) },
      // cockatiel takes slots back in a microtask.
      { weight: 1, arbitrary: fc.constant('wait' as const) },
    );
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 200, size: 'max' }),
      async (steps) => {
        let limit = 40;
        const slots = createSlots(limit);
        let used = 0;
        for (const each of steps) {
          if (each === 'wait') await new Promise((resolve) => process.nextTick(resolve));
          else if (each === 'give') {
            if (used > 0) slots.give();
            used = Math.max(0, used - 1);
          } else if (each === 'take') {
            if (slots.take() !== used < limit)
              throw new Error(`${String(used)} of ${String(limit)}`);
            used = used < limit ? used + 1 : used;
          } else {
            limit = each;
            slots.resize(limit);
          }
          if (slots.used !== used) throw new Error('a call was lost');
        }
      },
    );
    await fc.assert(property, { numRuns: 2_000 });
  });
});
