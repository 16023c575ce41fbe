import type { EdgeRow } from '../../admin/mesh-stats.ts';
import { maybe, megabytes, ms, percent, rate, success } from '../../admin/words.ts';
import { type Html, html, type Value } from '../html.ts';
import { ofCalls, worstOf } from '../judge.ts';
import type { InstanceRow, ServiceRow } from '../service-rows.ts';
import { mark, since } from './marks.ts';
import { table } from './tables.ts';

/** Services, each with its instances. */
export function servicesView(rows: readonly ServiceRow[], nowMs: number): Html {
  return table(
    'Services, and how the last minute was',
    [
      ...([['Service'], ['State'], ['Instances'], ['Restarts', 'figures']] as const),
      ...([
        ['Success', 'figures'],
        ['Calls/s', 'figures'],
        ['p50', 'figures'],
      ] as const),
      ...([
        ['p99', 'figures'],
        ['CPU', 'figures'],
        ['Memory', 'figures'],
      ] as const),
    ],
    rows.map((row) => ({ cells: serviceCells(row, nowMs), tone: row.verdict })),
    'No service is known yet.',
  );
}

function serviceCells(row: ServiceRow, nowMs: number): Value[] {
  const { service, instances, measured, faults, verdict } = row;
  const counted = instances.flatMap(({ restarts }) => restarts ?? []);
  return [
    service,
    html`${mark(verdict)}${faults.length > 0 && html`<br><span class="small">${faults.join(', ')}</span>`}`,
    html`<ul class="instances">${instances.map((each) => instanceItem(each, nowMs))}</ul>`,
    counted.length === 0 ? '-' : counted.reduce((sum, each) => sum + each, 0),
    ...[maybe(success, measured?.successRate), maybe(rate, measured?.perSecond)],
    ...[maybe(ms, measured?.p50Ms), maybe(ms, measured?.p99Ms)],
    ...[maybe(percent, measured?.cpu), maybe(megabytes, measured?.rssBytes)],
  ];
}

function instanceItem(instance: InstanceRow, nowMs: number): Html {
  const { id, address, version, health, answers, restarts, lastExit, startedAtMs } = instance;
  const facts = [
    ...(address === '' ? [] : [address]),
    ...(version === '' ? [] : [`version ${version}`]),
    health,
    ...(answers || health !== 'passing' ? [] : ['no answer']),
    ...(startedAtMs === undefined ? [] : [`up ${since(startedAtMs, nowMs)}`]),
    ...(restarts === undefined || restarts === 0
      ? []
      : [`restarted ${restarts}× (${lastExit ?? '?'})`]),
  ];
  const tone = health === 'passing' && answers ? 'well' : 'failing';
  return html`<li class="${tone}"><b>${id}</b> ${facts.join(' · ')}</li>`;
}

/** Who calls whom. */
export function callsView(edges: readonly EdgeRow[]): Html {
  return table(
    'Calls of the last minute, as their callers felt them',
    [
      ...([
        ['Caller → target'],
        ['State'],
        ['Success', 'figures'],
        ['Calls/s', 'figures'],
      ] as const),
      ...([
        ['p50', 'figures'],
        ['p95', 'figures'],
        ['p99', 'figures'],
      ] as const),
      ...([
        ['Lane', 'figures'],
        ['Retried', 'figures'],
        ['Refused', 'figures'],
      ] as const),
      ...([['Breaker'], ['Left out']] as const),
    ],
    edges.map((edge) => ({ cells: callCells(edge), tone: verdictOf(edge) })),
    'No service has called another in the last minute.',
  );
}

function verdictOf({ successRate, breakersOpen, ejected }: EdgeRow) {
  const broken = breakersOpen > 0 ? 'failing' : 'idle';
  return worstOf([ofCalls(successRate), broken, ejected.length > 0 ? 'uneasy' : 'idle']);
}

function callCells(edge: EdgeRow): Value[] {
  const { callers, breakersOpen } = edge;
  const breaker = breakersOpen === 0 ? 'closed' : `open at ${breakersOpen} of ${callers}`;
  return [
    `${edge.caller} → ${edge.target}`,
    mark(verdictOf(edge)),
    ...[maybe(success, edge.successRate), rate(edge.perSecond)],
    ...[maybe(ms, edge.p50Ms), maybe(ms, edge.p95Ms), maybe(ms, edge.p99Ms)],
    ...[maybe(percent, edge.laneShare), maybe(percent, edge.retriedShare), edge.refused],
    ...[callers === 0 ? '-' : breaker, edge.ejected.join(', ') || '-'],
  ];
}
