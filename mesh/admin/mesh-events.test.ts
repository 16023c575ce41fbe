import { expect, test } from '@jest/globals';
import { GetStatsResponse } from '../../gen/weft/admin/v1/admin.ts';
import type { ConsumerStats } from '../../gen/weft/admin/v1/event_stats.ts';
import { bucketOf, latencyBoundsMs } from '../telemetry/histogram.ts';
import { consumerRows, publisherRows } from './mesh-events.ts';

const delays = (ms: number, count: number): number[] => {
  const buckets = new Array<number>(bucketOf(latencyBoundsMs, ms) + 1).fill(0);
  buckets[buckets.length - 1] = count;
  return buckets;
};
const consumer: ConsumerStats = {
  ...{ consumer: 'warehouse', state: 'consuming', byOutcome: { done: 60, failed: 2 } },
  ...{ perSecond: 1, delayBuckets: delays(4, 60), parked: 3n, deadLetters: 2n },
};
const instance = (relay: string, consumers: ConsumerStats[]): GetStatsResponse =>
  GetStatsResponse.create({
    ...{ service: 'warehouse', latencyBoundsMs: [...latencyBoundsMs] },
    events: {
      published: [{ channel: 'stock', messages: 30, perSecond: 0.5 }],
      ...{ consumers, outboxUnsent: 7n, relay },
    },
  });

test('what two processes of one database count is there once; what they do is added up', () => {
  const answers = [
    instance('relaying', [consumer]),
    instance('standby', [{ ...consumer, state: 'paused', delayBuckets: delays(900, 60) }]),
  ];
  expect(publisherRows(answers)).toEqual([
    {
      ...{ service: 'warehouse', publishedPerSecond: 1, outboxUnsent: 7 },
      relays: { relaying: 1, standby: 1 },
    },
  ]);
  const [row] = consumerRows(answers);
  expect(row).toMatchObject({
    ...{ service: 'warehouse', consumer: 'warehouse', handledPerSecond: 2 },
    ...{ states: { consuming: 1, paused: 1 }, byOutcome: { done: 120, failed: 4 } },
    ...{ parked: 3, deadLetters: 2 },
  });
  expect(row?.delayP50Ms).toBeLessThan(5);
  expect(row?.delayP99Ms).toBeGreaterThan(800);
});

test('what lies in several databases is added up', () => {
  const answers = [instance('relaying', [consumer]), instance('waiting', [consumer])];
  expect(publisherRows(answers)).toMatchObject([{ outboxUnsent: 14 }]);
  expect(consumerRows(answers)).toMatchObject([{ parked: 6, deadLetters: 4 }]);
});

test('while no process relays, the largest count stands for all', () => {
  const answers = [instance('standby', [consumer]), instance('standby', [])];
  expect(consumerRows(answers)).toMatchObject([{ deadLetters: 2 }]);
});

test('a process that speaks no events is in neither list', () => {
  const answers = [GetStatsResponse.create({ service: 'gateway' })];
  expect([publisherRows(answers), consumerRows(answers)]).toEqual([[], []]);
});
