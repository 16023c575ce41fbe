import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bucketOf, latencyBoundsMs, quantile } from './histogram.ts';
import type { MetricSpec } from './metric.ts';
import { createRegistry } from './registry.ts';

const depth: MetricSpec<'gauge'> = {
  ...{ name: 'weft.queue.depth', kind: 'gauge', unit: '{message}', labels: ['weft.queue'] },
  help: 'What waits.',
};

describe('the registry', () => {
  test('reads at each scrape, and no more once an observer is taken back', () => {
    const registry = createRegistry();
    let value = 1;
    const forget = registry.observe(depth, () => [{ labels: ['outbox'], value }]);
    expect(registry.expose()).toContain(
      '# HELP weft_queue_depth What waits.\n# TYPE weft_queue_depth gauge\nweft_queue_depth{weft_queue="outbox"} 1\n',
    );
    value = 2;
    expect(registry.expose()).toContain('weft_queue_depth{weft_queue="outbox"} 2\n');
    forget();
    expect(registry.expose()).not.toContain('weft_queue_depth');
  });

  test('escapes what labels may hold', () => {
    const registry = createRegistry();
    registry.observe(depth, () => [{ labels: ['a"b\\c\nd'], value: Number.POSITIVE_INFINITY }]);
    expect(registry.expose()).toContain('weft_queue_depth{weft_queue="a\\"b\\\\c\\nd"} +Inf\n');
  });

  test('has one series for two observers that tell of the same, for Prometheus refuses two', () => {
    const registry = createRegistry();
    registry.observe(depth, () => [{ labels: ['outbox'], value: 1 }]);
    registry.observe(depth, () => [{ labels: ['outbox'], value: 9 }]);
    expect(registry.expose().match(/weft_queue_depth\{/g)).toHaveLength(1);
  });

  test('goes on without an observer that throws, and says so', () => {
    const registry = createRegistry();
    registry.observe(depth, () => {
      throw new Error('gone');
    });
    expect(registry.expose()).toContain(
      'weft_metrics_read_failures_total{metric="weft.queue.depth"} 1\n',
    );
  });

  test('refuses a name that is taken by another metric', () => {
    const registry = createRegistry();
    registry.observe(depth, () => []);
    expect(() => registry.observe({ ...depth, unit: 's' }, () => [])).toThrow(
      /weft\.queue\.depth is there already.*choose another name/,
    );
  });
});

describe('buckets', () => {
  test('a value falls into the first bucket whose bound is not below it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2e5, noNaN: true }), (ms) => {
        const bucket = bucketOf(latencyBoundsMs, ms);
        expect(ms).toBeLessThanOrEqual(latencyBoundsMs[bucket] ?? Number.POSITIVE_INFINITY);
        if (bucket > 0) expect(ms).toBeGreaterThan(latencyBoundsMs[bucket - 1] ?? 0);
      }),
    );
  });

  test('a quantile lies in the bucket of the value that has that rank', () => {
    const values = fc.array(fc.double({ min: 0, max: 9e4, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (ms, q) => {
        const counts = new Float64Array(latencyBoundsMs.length + 1);
        for (const each of ms) {
          const bucket = bucketOf(latencyBoundsMs, each);
          counts[bucket] = (counts[bucket] ?? 0) + 1;
        }
        const sorted = ms.toSorted((a, b) => a - b);
        const ranked = sorted[Math.ceil(q * ms.length) - 1] ?? 0;
        const found = quantile(latencyBoundsMs, counts, q);
        const bucket = bucketOf(latencyBoundsMs, ranked);
        expect(found).toBeLessThanOrEqual(latencyBoundsMs[bucket] ?? 0);
        expect(found).toBeGreaterThanOrEqual(latencyBoundsMs[bucket - 1] ?? 0);
      }),
    );
  });

  test('of nothing is 0, and what is over the last bound counts as the last bound', () => {
    expect(quantile(latencyBoundsMs, [], 0.99)).toBe(0);
    const counts = new Float64Array(latencyBoundsMs.length + 1);
    counts[latencyBoundsMs.length] = 1;
    expect(quantile(latencyBoundsMs, counts, 0.5)).toBe(100_000);
  });
});
