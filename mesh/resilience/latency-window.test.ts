import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createLatencyWindow } from './latency-window.ts';

describe('the latencies of late', () => {
  test('give a percentile that is never below the truth, nor 10 % above it', () => {
    const times = fc.array(fc.double({ min: 0.05, max: 60_000, noNaN: true }), {
      minLength: 100,
      maxLength: 300,
      size: 'max',
    });
    const property = fc.property(times, fc.constantFrom(0.5, 0.9, 0.99), (ms, share) => {
      const latencies = createLatencyWindow({ clock: createFakeClock() });
      for (const each of ms) latencies.add(each);
      const sorted = [...ms].sort((a, b) => a - b);
      // The value that no more than the rest of the share exceeds.
      const truth = sorted[sorted.length - 1 - Math.floor(sorted.length * (1 - share))] ?? 0;
      const told = latencies.percentile(share) ?? 0;
      expect(told).toBeGreaterThanOrEqual(truth * 0.999);
      expect(told).toBeLessThanOrEqual(truth * 1.1);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  test('say nothing as long as there are too few to tell', () => {
    const latencies = createLatencyWindow({ clock: createFakeClock() });
    for (let i = 0; i < 99; i++) latencies.add(10);
    expect(latencies.percentile(0.99)).toBeUndefined();
  });

  test('forget what is older than two windows, also when nothing happened since', () => {
    const clock = createFakeClock();
    const latencies = createLatencyWindow({ clock });
    for (let i = 0; i < 200; i++) latencies.add(1000);
    clock.advance(11_000);
    for (let i = 0; i < 200; i++) latencies.add(10);
    expect(latencies.percentile(0.99)).toBeGreaterThan(900);
    clock.advance(11_000);
    for (let i = 0; i < 200; i++) latencies.add(10);
    expect(latencies.percentile(0.99)).toBeLessThan(12);
    clock.advance(60_000);
    expect(latencies.percentile(0.99)).toBeUndefined();
  });
});
