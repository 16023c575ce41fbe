import { channelRows } from '../admin/mesh-events.ts';
import { isUsed, meshStats } from '../admin/mesh-stats.ts';
import { type Html, html } from './html.ts';
import type { Look } from './look.ts';
import type { Known } from './remember.ts';
import { type ServiceRow, serviceRows } from './service-rows.ts';
import { topologyOf } from './topology.ts';
import { eventsView } from './views/events-view.ts';
import { clockTime, mark } from './views/marks.ts';
import { callsView, servicesView } from './views/services-view.ts';
import { topologyView } from './views/topology-view.ts';
import { tracesView, traceView } from './views/traces-view.ts';

/** The parts of the page that change, by the ids of their elements. */
export const regionIds = ['standing', 'topology', 'services', 'calls', 'traces', 'events'] as const;
export type RegionId = (typeof regionIds)[number];
export type Regions = Readonly<Record<RegionId, string>>;

/** Draws what was seen. */
export function regionsOf(look: Look): Regions {
  const { atMs, stats, channels } = look;
  const seen = meshStats(stats);
  const { edges, publishers, consumers } = seen;
  const rows = serviceRows(look, seen);
  const topology = topologyOf({
    ...{ services: rows, edges, consumers },
    ...{ published: channelRows(stats), channels: channels?.value ?? [] },
  });
  const { letters, moreLetters, sagas } = look;
  return {
    standing: standingView(look, rows).text,
    topology: topologyView(topology).text,
    services: servicesView(rows, atMs).text,
    calls: callsView(edges.filter(isUsed)).text,
    traces: html`${look.newest.length > 0 && traceView(look.newest)}${tracesView(look.traces)}`
      .text,
    events: eventsView({
      ...{ nowMs: atMs, publishers, consumers, letters, moreLetters, sagas },
      channels: channels?.value ?? [],
    }).text,
  };
}

/** In one line how the mesh is; beneath it what is old, and why. */
function standingView(look: Look, rows: readonly ServiceRow[]): Html {
  const notes = [
    stale('Consul', 'services and their health are', look.services, look.atMs),
    look.channels && stale('JetStream', 'what waits there is', look.channels, look.atMs),
    look.silent.length > 0 && `No answer from ${look.silent.join(', ')}: not counted.`,
  ].filter((note) => typeof note === 'string');
  return html`<p class="headline">${headline(look, rows)} <span class="small">as of <time>${clockTime(look.atMs)}</time></span></p>
${notes.length > 0 && html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>`}`;
}

function headline(look: Look, rows: readonly ServiceRow[]): Html {
  const named = (verdict: ServiceRow['verdict']): string =>
    rows
      .filter((row) => row.verdict === verdict)
      .map(({ service }) => service)
      .join(', ');
  const [failing, uneasy] = [named('failing'), named('uneasy')];
  const dead = look.letters.length;
  const waits = dead > 0 ? ` · ${dead}${look.moreLetters ? '+' : ''} dead letters` : '';
  if (failing !== '') return html`${mark('failing')} ${failing}${waits}`;
  if (uneasy !== '') return html`${mark('uneasy')} ${uneasy}${waits}`;
  if (rows.length === 0) return html`${mark('idle')} no service is known`;
  return html`${mark('well')} ${rows.length} services${waits}`;
}

function stale<T>(who: string, what: string, known: Known<T>, nowMs: number): string | undefined {
  const { trouble, asOfMs } = known;
  if (trouble === undefined) return undefined;
  const age =
    asOfMs === undefined
      ? 'unknown so far'
      : `of ${clockTime(asOfMs)}, ${Math.round((nowMs - asOfMs) / 1000)} s old`;
  return `${who} does not answer: ${what} ${age} (${trouble}).`;
}
