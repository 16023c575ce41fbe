import type { GetStatsResponse } from '../../gen/weft/admin/v1/admin.ts';
import type { ConsumerStats, EventStats } from '../../gen/weft/admin/v1/event_stats.ts';
import { quantile } from '../telemetry/histogram.ts';
import { sum } from './golden.ts';

/** What a service publishes. */
export interface PublisherRow {
  readonly service: string;
  readonly publishedPerSecond: number;
  /** Messages that wait in its outbox. */
  readonly outboxUnsent: number;
  /** What the relays of its instances are at, as { relaying: 1, standby: 2 }. */
  readonly relays: Readonly<Record<string, number>>;
}

/** One consumer, over all instances of its service. */
export interface ConsumerRow {
  readonly service: string;
  readonly consumer: string;
  /** What it is at in the instances, as { consuming: 2 }. */
  readonly states: Readonly<Record<string, number>>;
  readonly handledPerSecond: number;
  /** From publishing to the effect; undefined when there was none. */
  readonly delayP50Ms: number | undefined;
  readonly delayP99Ms: number | undefined;
  /** Handlings within the window, by how they ended. */
  readonly byOutcome: Readonly<Record<string, number>>;
  readonly parked: number;
  readonly deadLetters: number;
}

/** What a service publishes on one channel. */
export interface ChannelRow {
  readonly service: string;
  readonly channel: string;
  readonly publishedPerSecond: number;
}

/** What one instance said, with the bounds of its buckets. */
type Speaking = GetStatsResponse & { readonly events: EventStats };

/** The publishers among some processes, by service. */
export function publisherRows(answers: readonly GetStatsResponse[]): PublisherRow[] {
  return services(answers).map(([service, instances]) => ({
    service,
    publishedPerSecond: sum(instances, ({ events }) =>
      sum(events.published, ({ perSecond }) => perSecond),
    ),
    outboxUnsent: inDatabases(instances, ({ events }) => Number(events.outboxUnsent)),
    relays: countBy(instances.map(({ events }) => events.relay)),
  }));
}

/** On which channels they publish. */
export function channelRows(answers: readonly GetStatsResponse[]): ChannelRow[] {
  return services(answers).flatMap(([service, instances]) => {
    const published = instances.flatMap(({ events }) => events.published);
    const byChannel = [...Map.groupBy(published, ({ channel }) => channel)];
    return byChannel.map(([channel, parts]) => ({
      ...{ service, channel },
      publishedPerSecond: sum(parts, ({ perSecond }) => perSecond),
    }));
  });
}

/** The consumers among some processes. */
export function consumerRows(answers: readonly GetStatsResponse[]): ConsumerRow[] {
  return services(answers).flatMap(([service, instances]) => {
    const names = instances.flatMap(({ events }) => events.consumers.map((each) => each.consumer));
    return [...new Set(names)].sort().map((consumer) => consumerRow(service, consumer, instances));
  });
}

function consumerRow(
  service: string,
  consumer: string,
  instances: readonly Speaking[],
): ConsumerRow {
  const of = ({ events }: Speaking): ConsumerStats | undefined =>
    events.consumers.find((each) => each.consumer === consumer);
  const all = instances.flatMap((instance) => of(instance) ?? []);
  const buckets: number[] = [];
  const byOutcome: Record<string, number> = {};
  for (const each of all) {
    for (const [i, count] of each.delayBuckets.entries()) buckets[i] = (buckets[i] ?? 0) + count;
    for (const [outcome, count] of Object.entries(each.byOutcome)) {
      byOutcome[outcome] = (byOutcome[outcome] ?? 0) + count;
    }
  }
  const bounds = Float64Array.from(instances[0]?.latencyBoundsMs ?? []);
  const delay = (q: number): number | undefined =>
    buckets.length === 0 ? undefined : quantile(bounds, buckets, q);
  return {
    ...{ service, consumer, byOutcome },
    states: countBy(all.flatMap(({ state }) => (state === '' ? [] : [state]))),
    handledPerSecond: sum(all, ({ perSecond }) => perSecond),
    ...{ delayP50Ms: delay(0.5), delayP99Ms: delay(0.99) },
    parked: inDatabases(instances, (each) => Number(of(each)?.parked ?? 0)),
    deadLetters: inDatabases(instances, (each) => Number(of(each)?.deadLetters ?? 0)),
  };
}

/**
 * What lies in the databases of a service, counted once for each. A relay on standby says that another process
 * relays the same outbox, so what its process counted is counted there too.
 */
function inDatabases(instances: readonly Speaking[], count: (each: Speaking) => number): number {
  const owners = instances.filter(({ events }) => events.relay !== 'standby');
  // Between two relays nobody has the lease for a moment.
  return owners.length > 0 ? sum(owners, count) : Math.max(0, ...instances.map(count));
}

function services(answers: readonly GetStatsResponse[]): [string, Speaking[]][] {
  const speaking = answers.filter((each): each is Speaking => each.events !== undefined);
  const byService = [...Map.groupBy(speaking, ({ service }) => service)];
  return byService.sort(([a], [b]) => (a < b ? -1 : 1));
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
