import { layout } from './cells.ts';
import { type ConsumerCells, type EventMeters, eventOutcomes } from './event-meters.ts';
import { latencyBoundsMs } from './histogram.ts';
import type { HistogramSample, MetricSpec } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/**
 * What the meters of events are called outside: OpenTelemetry's conventions for messaging where they have a
 * name (opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics, in development), weft's own where not.
 */
const system = ['messaging.system', 'messaging.operation.name'];
const destination = 'messaging.destination.name';
const group = 'messaging.consumer.group.name';

const sent: MetricSpec<'counter'> = {
  ...{ name: 'messaging.client.sent.messages', kind: 'counter', unit: '{message}' },
  labels: [...system, destination, 'error.type'],
  help: 'Messages that were handed to the broker; error.type is empty for those that it has stored.',
};
const published: MetricSpec<'counter'> = {
  ...{ name: 'weft.events.published', kind: 'counter', unit: '{message}', labels: [destination] },
  help: 'Messages that committed transactions put into the outbox.',
};
const processed: MetricSpec<'histogram'> = {
  ...{ name: 'messaging.process.duration', kind: 'histogram', unit: 's' },
  labels: [...system, destination, group, 'weft.outcome'],
  help: 'Time of one handling of a message, with its transaction, by how it ended.',
};
const delay: MetricSpec<'histogram'> = {
  ...{ name: 'weft.events.delay', kind: 'histogram', unit: 's', labels: [destination, group] },
  help: 'Time from the publishing of a message to its effect.',
};

/** Lets a registry read what was measured. */
export function observeEventMeters(registry: MetricsRegistry, meters: EventMeters): void {
  registry.observe(sent, () =>
    meters.sentCounts.map(({ labels, value }) => ({
      labels: ['nats', 'send', ...labels],
      value: value[0] ?? 0,
    })),
  );
  registry.observe(published, () =>
    meters.publishedCounts.map(({ labels, value }) => ({ labels, value: value[0] ?? 0 })),
  );
  registry.observe(processed, () => meters.consumers.flatMap(handlings));
  registry.observe(delay, () =>
    meters.consumers.map((cells) => histogram([cells.channel, cells.consumer], cells.delay)),
  );
}

function handlings({ consumer, channel, handled }: ConsumerCells): HistogramSample[] {
  return eventOutcomes.flatMap((outcome) => {
    const values = handled.get(outcome);
    if (values === undefined) return [];
    return [histogram(['nats', 'process', channel, consumer, outcome], values)];
  });
}

function histogram(labels: readonly string[], values: Float64Array): HistogramSample {
  return {
    ...{ labels, bounds: latencyBoundsMs, scale: 0.001 },
    counts: values.subarray(0, layout.latencySum),
    sum: values[layout.latencySum] ?? 0,
  };
}
