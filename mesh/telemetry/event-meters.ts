import { layout, recordLatency } from './cells.ts';

/** How the handling of an event by a consumer may end. */
export const eventOutcomes = [
  /** It had its effect. */
  'done',
  /** It had had it before, or is not for this consumer. */
  'skipped',
  /** It was a request, and its handler answered that it will not. */
  'refused',
  /** It came too late to be handled. */
  'expired',
  /** The handler failed; it comes again. */
  'failed',
  /** The handler failed for the last time. */
  'dead',
  /** The world is at fault (database, a called service): the consumer pauses, and nothing is counted. */
  'outage',
] as const;
export type EventOutcome = (typeof eventOutcomes)[number];

/** What events tells of its messages. Telling is a few additions, for it is done for every message. */
export interface EventMetrics {
  /** Messages that a committed transaction put into the outbox. */
  published(channel: string): void;
  /** Messages that were handed to the bus; `error` is the status of what became of them, '' when they are stored. */
  sent(channel: string, error: string, messages: number): void;
  /** The meter of a consumer on a channel. */
  consumer(consumer: string, channel: string): ConsumerMeter;
}

export interface ConsumerMeter {
  /** One handling has ended. `delayMs`: how long ago the event was published; undefined: it did not say. */
  ended(outcome: EventOutcome, durationMs: number, delayMs: number | undefined): void;
}

const nothing = (): void => undefined;

/** Measures nothing; the default of library parts used alone. */
export const noEventMetrics: EventMetrics = {
  published: nothing,
  sent: nothing,
  consumer: () => ({ ended: nothing }),
};

/** A number that only grows, in an array, so that a window can follow it. */
export interface Count {
  readonly labels: readonly string[];
  readonly value: Float64Array;
}

export interface ConsumerCells {
  readonly consumer: string;
  readonly channel: string;
  /** The times of handling, by outcome. */
  readonly handled: ReadonlyMap<EventOutcome, Float64Array>;
  /** From publishing to the end of the handling that had the effect. */
  readonly delay: Float64Array;
}

/** The one implementation of EventMetrics, with what it measured. */
export interface EventMeters extends EventMetrics {
  /** By channel. */
  readonly publishedCounts: readonly Count[];
  /** By channel and error. */
  readonly sentCounts: readonly Count[];
  readonly consumers: readonly ConsumerCells[];
  arrays(): Iterable<Float64Array>;
}

export function createEventMeters(): EventMeters {
  const published = createCounts();
  const sent = createCounts();
  const consumers: ConsumerCells[] = [];
  const meters = new Map<string, ConsumerMeter>();
  return {
    publishedCounts: published.all,
    sentCounts: sent.all,
    consumers,
    published(channel) {
      published.add([channel], 1);
    },
    sent(channel, error, messages) {
      sent.add([channel, error], messages);
    },
    consumer(consumer, channel) {
      const key = `${consumer} ${channel}`;
      const known = meters.get(key);
      if (known !== undefined) return known;
      const { cells, meter } = createConsumer(consumer, channel);
      consumers.push(cells);
      meters.set(key, meter);
      return meter;
    },
    *arrays() {
      for (const { value } of [...published.all, ...sent.all]) yield value;
      for (const { handled, delay } of consumers) yield* [...handled.values(), delay];
    },
  };
}

function createConsumer(
  consumer: string,
  channel: string,
): { cells: ConsumerCells; meter: ConsumerMeter } {
  const handled = new Map<EventOutcome, Float64Array>();
  const delay = new Float64Array(layout.latencySum + 1);
  return {
    cells: { consumer, channel, handled, delay },
    meter: {
      ended(outcome, durationMs, delayMs) {
        let values = handled.get(outcome);
        if (values === undefined) {
          values = new Float64Array(layout.latencySum + 1);
          handled.set(outcome, values);
        }
        recordLatency(values, durationMs);
        // Clocks of two machines may disagree by more than it took.
        if (delayMs !== undefined) recordLatency(delay, Math.max(0, delayMs));
      },
    },
  };
}

function createCounts(): {
  all: readonly Count[];
  add(labels: readonly string[], by: number): void;
} {
  const all: Count[] = [];
  const known = new Map<string, Count>();
  return {
    all,
    add(labels, by) {
      const key = labels.join(' ');
      let count = known.get(key);
      if (count === undefined) {
        count = { labels: [...labels], value: new Float64Array(1) };
        known.set(key, count);
        all.push(count);
      }
      count.value[0] = (count.value[0] ?? 0) + by;
    },
  };
}
