import type { ChannelRow, ConsumerRow } from '../admin/mesh-events.ts';
import type { EdgeRow } from '../admin/mesh-stats.ts';
import { ms, percent, rate, success } from '../admin/words.ts';
import type { ChannelBacklog, ConsumerBacklog } from '../events/bus/backlog.ts';
import { ofCalls, type Verdict, worstOf } from './judge.ts';
import type { ServiceRow } from './service-rows.ts';

/** The mesh as boxes and arrows; where they stand is not said. */
export interface Topology {
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
}

/** A service or a channel. */
export interface Box {
  /** "service orders", "channel shop-orders". */
  readonly id: string;
  readonly kind: 'service' | 'channel';
  readonly name: string;
  /** What is said beneath the name. */
  readonly lines: readonly string[];
  readonly verdict: Verdict;
}

/** Calls of one service to another, or events from a service to a channel and on to a service. */
export interface Arrow {
  /** The ids of the boxes. */
  readonly from: string;
  readonly to: string;
  readonly kind: 'calls' | 'events';
  /** What is said beside it. */
  readonly lines: readonly string[];
  readonly verdict: Verdict;
}

/** What a topology is drawn from. */
export interface TopologyParts {
  readonly services: readonly ServiceRow[];
  readonly edges: readonly EdgeRow[];
  readonly published: readonly ChannelRow[];
  readonly consumers: readonly ConsumerRow[];
  /** Which channel a consumer listens to is known to the broker alone. */
  readonly channels: readonly ChannelBacklog[];
}

export function topologyOf(parts: TopologyParts): Topology {
  const { services, edges } = parts;
  const known = new Set(services.map(({ service }) => service));
  const targets = new Set(edges.map(({ target }) => target).filter((name) => !known.has(name)));
  const calls = edges.map(callArrow);
  const events = eventArrows(parts);
  const spoken = new Set(events.flatMap(({ from, to }) => [from, to]));
  const boxes = [
    ...services.map(serviceBox),
    ...[...targets].map(missingBox),
    ...parts.channels.map(channelBox).filter(({ id }) => spoken.has(id)),
  ];
  const ids = new Set(boxes.map(({ id }) => id));
  const arrows = [...calls, ...events].filter(({ from, to }) => ids.has(from) && ids.has(to));
  return { boxes, arrows };
}

function serviceBox(row: ServiceRow): Box {
  const { service, instances, faults, verdict } = row;
  const versions = [...new Set(instances.map(({ version }) => version))].filter((v) => v !== '');
  const many = instances.length === 1 ? '1 instance' : `${instances.length} instances`;
  const said = faults.length > 0 ? faults.join(', ') : [many, ...versions].join(' · ');
  return {
    ...{ id: `service ${service}`, kind: 'service', name: service, verdict },
    lines: [said, workOf(row)],
  };
}

function workOf({ measured, heardPerSecond }: ServiceRow): string {
  const heard = heardPerSecond > 0 ? `hears ${rate(heardPerSecond)}/s` : undefined;
  if (measured === undefined || measured.ended === 0) return heard ?? 'quiet for a minute';
  return `${rate(measured.perSecond)}/s · ${percentiles(measured.p50Ms, measured.p99Ms)}`;
}

function missingBox(name: string): Box {
  const lines = ['called, and not in Consul'];
  return { id: `service ${name}`, kind: 'service', name, lines, verdict: 'failing' };
}

function channelBox({ channel, messages }: ChannelBacklog): Box {
  return {
    ...{ id: `channel ${channel}`, kind: 'channel', name: channel, verdict: 'idle' },
    lines: [messages === 1 ? '1 message kept' : `${messages} messages kept`],
  };
}

function callArrow(edge: EdgeRow): Arrow {
  const { caller, target, perSecond, successRate, p50Ms, p99Ms, laneShare, ended } = edge;
  const broken = edge.breakersOpen > 0;
  const lines =
    ended === 0
      ? ['idle']
      : [
          `${rate(perSecond)}/s · ${success(successRate ?? 1)}`,
          `${percentiles(p50Ms, p99Ms)} · ${transport(laneShare)}`,
        ];
  const marks = [
    ...(broken ? [`breaker open at ${edge.breakersOpen} of ${edge.callers}`] : []),
    ...(edge.ejected.length > 0 ? [`left out: ${edge.ejected.join(', ')}`] : []),
  ];
  const states: Verdict[] = [
    broken ? 'failing' : 'idle',
    edge.ejected.length > 0 ? 'uneasy' : 'idle',
  ];
  return {
    ...{ from: `service ${caller}`, to: `service ${target}`, kind: 'calls' },
    lines: [...lines, ...marks],
    verdict: worstOf([ofCalls(successRate), ...states]),
  };
}

/** Most edges are all of one kind; a share is said where they are not. */
function transport(laneShare: number | undefined): string {
  if (laneShare === undefined) return 'stream';
  if (laneShare === 1) return 'lane';
  return laneShare === 0 ? 'plain' : `lane ${percent(laneShare)}`;
}

function percentiles(p50: number | undefined, p99: number | undefined): string {
  return p50 === undefined || p99 === undefined ? 'streams' : `${ms(p50)}, p99 ${ms(p99)}`;
}

function eventArrows(parts: TopologyParts): Arrow[] {
  const { published, consumers, channels, services } = parts;
  const names = services.map(({ service }) => service);
  return [
    ...published.map(({ service, channel, publishedPerSecond }): Arrow => {
      const verdict = publishedPerSecond > 0 ? 'well' : 'idle';
      const lines = publishedPerSecond > 0 ? [`${rate(publishedPerSecond)}/s`] : ['quiet'];
      return { ...toChannel(service, channel), kind: 'events', lines, verdict };
    }),
    ...channels.flatMap(({ channel, consumers: durable }) =>
      durable.flatMap((waiting): Arrow[] => {
        const row = consumers.find(({ consumer }) => consumer === waiting.consumer);
        const service = row?.service ?? ownerOf(waiting.consumer, names);
        if (service === undefined) return [];
        const ends = { from: `channel ${channel}`, to: `service ${service}` };
        return [{ ...ends, kind: 'events', ...consumption(row, { channel, waiting, parts }) }];
      }),
    ),
  ];
}

function toChannel(service: string, channel: string): Pick<Arrow, 'from' | 'to'> {
  return { from: `service ${service}`, to: `channel ${channel}` };
}

/** A consumer of a service that is away: it is mostly named after it. */
function ownerOf(consumer: string, services: readonly string[]): string | undefined {
  const fitting = services.filter((name) => consumer === name || consumer.startsWith(`${name}-`));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

interface Consumption {
  readonly channel: string;
  readonly waiting: ConsumerBacklog;
  readonly parts: TopologyParts;
}

function consumption(
  row: ConsumerRow | undefined,
  { channel, waiting, parts }: Consumption,
): Pick<Arrow, 'lines' | 'verdict'> {
  const many = waiting.pending + waiting.unacked;
  const wait = many > 0 ? [`${many} waiting`] : [];
  if (row === undefined) return { lines: ['nobody listens', ...wait], verdict: 'failing' };
  const away = Object.keys(row.states).filter((state) => state !== 'consuming');
  if (away.length > 0) return { lines: [...away, ...wait], verdict: 'failing' };
  const heardHere = parts.channels.filter(({ consumers }) =>
    consumers.some(({ consumer }) => consumer === row.consumer),
  );
  // A consumer counts what it handles over all its channels; with several nobody knows the share of one.
  const handled = heardHere.length === 1 ? row.handledPerSecond : undefined;
  const flows = parts.published.some((each) => {
    return each.channel === channel && each.publishedPerSecond > 0;
  });
  const busy = handled === undefined ? flows && row.handledPerSecond > 0 : handled > 0;
  const speed = busy ? (handled === undefined ? 'flows' : `${rate(handled)}/s`) : 'quiet';
  return { lines: [speed, ...wait], verdict: busy ? 'well' : 'idle' };
}
