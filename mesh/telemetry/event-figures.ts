import { layout, totalOf } from './cells.ts';
import { type Count, type EventMeters, type EventOutcome, eventOutcomes } from './event-meters.ts';
import { grownBy } from './figures.ts';
import type { Window } from './window.ts';

/** What was measured of events within the window. */
export interface EventFigures {
  /** Messages that committed transactions put into the outbox, by channel. */
  readonly published: readonly { readonly channel: string; readonly messages: number }[];
  readonly consumers: readonly ConsumerFigures[];
}

export interface ConsumerFigures {
  readonly consumer: string;
  readonly channel: string;
  /** How many handlings ended in each way. */
  readonly outcomes: Readonly<Record<EventOutcome, number>>;
  /** From publishing to the end of handling, by the buckets of `latencyBoundsMs`. */
  readonly delayBuckets: readonly number[];
}

/** The last minute of events. */
export function eventFigures(meters: EventMeters, window: Window): EventFigures {
  const grown = ({ value }: Count): number => grownBy(value, window)[0] ?? 0;
  return {
    published: meters.publishedCounts.map((count) => {
      return { channel: count.labels[0] ?? '', messages: grown(count) };
    }),
    consumers: meters.consumers.map(({ consumer, channel, handled, delay }) => ({
      ...{ consumer, channel },
      outcomes: recordOf((outcome) => {
        const values = handled.get(outcome);
        return values === undefined ? 0 : totalOf(grownBy(values, window));
      }),
      delayBuckets: [...grownBy(delay, window).subarray(0, layout.latencySum)],
    })),
  };
}

function recordOf(count: (outcome: EventOutcome) => number): Record<EventOutcome, number> {
  const entries = eventOutcomes.map((outcome) => [outcome, count(outcome)] as const);
  return Object.fromEntries(entries) as Record<EventOutcome, number>;
}
