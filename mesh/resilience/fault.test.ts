import { expect, test } from '@jest/globals';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { drawFault } from './fault.ts';

const startMs = Date.parse('2026-06-01T12:00:00Z');
const until = '2026-06-01T12:01:00Z';

test('so many attempts fail and so many wait as the shares say, each drawn for itself', () => {
  const ports = { clock: createFakeClock({ startMs }), random: createSeededRandom(7) };
  const fault = {
    abort: { status: 'UNAVAILABLE', share: 0.1 },
    delay: { ms: 50, share: 0.5 },
    until,
  } as const;
  const drawn = Array.from({ length: 10_000 }, () => drawFault(fault, ports));
  const failed = drawn.filter((each) => each?.abort === 'UNAVAILABLE').length;
  const waited = drawn.filter((each) => each?.waitMs === 50).length;
  const both = drawn.filter((each) => each?.waitMs === 50 && each.abort !== undefined).length;
  expect(failed).toBeGreaterThan(850);
  expect(failed).toBeLessThan(1150);
  expect(waited).toBeGreaterThan(4700);
  expect(waited).toBeLessThan(5300);
  expect(both).toBeGreaterThan(400);
  expect(both).toBeLessThan(600);
});

test('a fault whose time is over is none', () => {
  const clock = createFakeClock({ startMs });
  const ports = { clock, random: createSeededRandom(7) };
  const fault = { abort: { status: 'ABORTED', share: 1 }, until } as const;
  clock.advance(59_999);
  expect(drawFault(fault, ports)).toEqual({ waitMs: 0, abort: 'ABORTED' });
  clock.advance(1);
  expect(drawFault(fault, ports)).toBeUndefined();
});
