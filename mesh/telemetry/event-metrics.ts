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
  /** What the relay of this process is at, as "relaying". */
  relay(): string;
  /** The consumers of this process, and those that left dead letters in its database. */
  consumers(): readonly ConsumerView[];
}

export interface ConsumerView {
  readonly consumer: string;
  /** "consuming", "waiting", "paused" or "closed"; undefined: it is not one of this process. */
  readonly state: string | undefined;
  /** Events that wait in the database to be tried again; undefined: not counted yet. */
  readonly parked: number | undefined;
  /** Dead letters that wait for a person; undefined: not counted yet. */
  readonly deadLetters: number | undefined;
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

const group = 'messaging.consumer.group.name';
const relayState: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.relay.state', kind: 'gauge', unit: '{state}', labels: ['weft.state'] },
  help: 'What the relay of this process is at: 1 for the one of stopped, standby, relaying, waiting.',
};
const consumerState: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.consumer.state', kind: 'gauge', unit: '{state}' },
  labels: [group, 'weft.state'],
  help: 'What a consumer is at: 1 for the one of consuming, waiting (for the broker), paused (an outage), closed.',
};
const parked: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.parked', kind: 'gauge', unit: '{message}', labels: [group] },
  help: 'Messages that wait in the database to be tried again, or behind one that does.',
};
const deadLetters: MetricSpec<'gauge'> = {
  ...{ name: 'weft.events.dead_letters', kind: 'gauge', unit: '{message}', labels: [group] },
  help: 'Dead letters that wait for a person: alert on these.',
};
const relayStates = ['stopped', 'standby', 'relaying', 'waiting'];
const consumerStates = ['consuming', 'waiting', 'paused', 'closed'];

/** Lets a registry read what waits. */
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
  registry.observe(relayState, () =>
    relayStates.map((state) => ({ labels: [state], value: Number(events.relay() === state) })),
  );
  registry.observe(consumerState, () =>
    events.consumers().flatMap(({ consumer, state: now }) =>
      now === undefined
        ? []
        : consumerStates.map((state) => ({
            labels: [consumer, state],
            value: Number(now === state),
          })),
    ),
  );
  const counted = (spec: MetricSpec<'gauge'>, of: (view: ConsumerView) => number | undefined) => {
    registry.observe(spec, () =>
      events.consumers().flatMap((view) => {
        const value = of(view);
        return value === undefined ? [] : [{ labels: [view.consumer], value }];
      }),
    );
  };
  counted(parked, (view) => view.parked);
  counted(deadLetters, (view) => view.deadLetters);
}
