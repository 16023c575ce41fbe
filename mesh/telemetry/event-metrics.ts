import type { MetricSpec, Sample } from './metric.ts';
import type { MetricsRegistry } from './registry.ts';

/**
 * What waits in the outbox of a service that speaks events, as it was counted last: counting is a query, and a
 * scrape does not wait for a database.
 */
export interface EventsView {
  /** Undefined: not counted yet. */
  outbox(): OutboxCounts | undefined;
  /** Messages that this process sent again because the broker no longer held them. */
  resent(): number;
  /** What waits in the database to be tried again, by consumer. */
  parked(): ReadonlyMap<string, number>;
  /** What became of what was delivered, by consumer and outcome. */
  consumed(): readonly { consumer: string; outcome: string; count: number }[];
}

export interface OutboxCounts {
  readonly unsent: number;
  readonly later: number;
  readonly refused: number;
}

const depth: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.outbox.depth', kind: 'gauge', unit: '{message}', labels: [] },
  help: 'Messages of the outbox that are not sent yet.',
};
const later: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.outbox.later', kind: 'gauge', unit: '{message}', labels: [] },
  help: 'Those of them whose time has not come: delayed, refused, or behind a refused one.',
};
const refused: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.outbox.refused', kind: 'gauge', unit: '{message}', labels: [] },
  help: 'Those of them that the broker has refused at least once.',
};
const resent: MetricSpec<'counter'> = {
  ...{ name: 'weft.events.outbox.resent', kind: 'counter', unit: '{message}', labels: [] },
  help: 'Messages sent again because the broker no longer held what it had stored.',
};

const parked: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.parked', kind: 'gauge', unit: '{message}', labels: ['weft.consumer'] },
  help: 'Events that wait in the database to be tried again, or behind one that does.',
};
const consumed: MetricSpec<'counter'> = {
  ...{ name: 'weft.events.consumed', kind: 'counter', unit: '{message}' },
  labels: ['weft.consumer', 'weft.outcome'],
  help: 'Deliveries that consumers of this process decided on, by outcome.',
};

/** Lets a registry read what waits, and what came. */
export function observeEvents(registry: MetricsRegistry, events: EventsView): void {
  const gauge = (spec: MetricSpec<'gauge'>, of: (counts: OutboxCounts) => number): void => {
    registry.observe(spec, (): Sample[] => {
      const counts = events.outbox();
      return counts === undefined ? [] : [{ labels: [], value: of(counts) }];
    });
  };
  gauge(depth, ({ unsent }) => unsent);
  gauge(later, (counts) => counts.later);
  gauge(refused, (counts) => counts.refused);
  registry.observe(resent, () => [{ labels: [], value: events.resent() }]);
  registry.observe(parked, () =>
    [...events.parked()].map(([consumer, value]) => ({ labels: [consumer], value })),
  );
  registry.observe(consumed, () =>
    events.consumed().map((it) => ({ labels: [it.consumer, it.outcome], value: it.count })),
  );
}
