import type { MetricSpec, Sample } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/**
 * What waits in the outbox of a service that speaks events, as it was counted last: counting is a query, and a
 * scrape does not wait for a database.
 */
export interface EventsView {
  /** Messages in the outbox that are not sent yet; undefined: not counted yet. */
  outboxDepth(): number | undefined;
}

const outbox: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.outbox.depth', kind: 'gauge', unit: '{message}', labels: [] },
  help: 'Messages of the outbox that are not sent yet.',
};

/** Lets a registry read what waits. */
export function observeEvents(registry: MetricsRegistry, events: EventsView): void {
  registry.observe(outbox, (): Sample[] => {
    const value = events.outboxDepth();
    return value === undefined ? [] : [{ labels: [], value }];
  });
}
