import type { ConsumerStats, EventStats } from '../../gen/weft/admin/v1/event_stats.ts';
import type { EventFigures } from '../telemetry/event-figures.ts';
import { eventOutcomes } from '../telemetry/event-meters.ts';
import type { ConsumerView, EventsView } from '../telemetry/event-metrics.ts';
import type { LastMinute } from '../telemetry/telemetry.ts';

/** What GetStats tells of events: what was measured, and what waits. */
export function eventStats(view: EventsView, minute: LastMinute | undefined): EventStats {
  const seconds = minute?.seconds ?? 1;
  return {
    published: (minute?.events.published ?? []).map(({ channel, messages }) => {
      return { channel, messages, perSecond: messages / seconds };
    }),
    consumers: view.consumers().map((consumer) => {
      const figures = minute?.events.consumers ?? [];
      const own = figures.filter((each) => each.consumer === consumer.consumer);
      return consumerStats(consumer, own, seconds);
    }),
    outboxUnsent: BigInt(view.outbox()?.unsent ?? 0),
    relay: view.relay(),
  };
}

/** One consumer over all its channels. */
function consumerStats(
  { consumer, state = '', parked = 0, deadLetters = 0 }: ConsumerView,
  figures: EventFigures['consumers'],
  seconds: number,
): ConsumerStats {
  const ended = eventOutcomes.map((outcome) => {
    return [outcome, figures.reduce((sum, { outcomes }) => sum + outcomes[outcome], 0)] as const;
  });
  const byOutcome = Object.fromEntries(ended.filter(([, count]) => count > 0));
  const buckets: number[] = [];
  for (const { delayBuckets } of figures) {
    for (const [i, count] of delayBuckets.entries()) buckets[i] = (buckets[i] ?? 0) + count;
  }
  return {
    ...{ consumer, state, byOutcome },
    perSecond: (byOutcome['done'] ?? 0) / seconds,
    delayBuckets: buckets.slice(0, buckets.findLastIndex((count) => count > 0) + 1),
    ...{ parked: BigInt(parked), deadLetters: BigInt(deadLetters) },
  };
}
