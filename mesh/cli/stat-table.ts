import type { Golden } from '../admin/golden.ts';
import type { ConsumerRow, PublisherRow } from '../admin/mesh-events.ts';
import type { EdgeRow, MeshStats, MethodRow, ServiceRow } from '../admin/mesh-stats.ts';
import { countsText, maybe, megabytes, ms, percent, rate, success } from '../admin/words.ts';
import { table } from './table.ts';

/** The text of `weft stat`: services, who calls whom, and the methods when one service is asked for, or all are. */
export function statTables(
  stats: MeshStats,
  service: string | undefined,
  every: { readonly methods: boolean } = { methods: service !== undefined },
): string {
  const { services, edges, methods, publishers, consumers } = only(service, stats);
  const parts = [table([...serviceHeadings], services.map(serviceCells))];
  if (edges.length > 0) parts.push(table([...edgeHeadings], edges.map(edgeCells)));
  if (every.methods && methods.length > 0) {
    parts.push(table([...methodHeadings], methods.map(methodCells)));
  }
  if (publishers.length > 0) parts.push(table(publisherHeadings, publishers.map(publisherCells)));
  if (consumers.length > 0) parts.push(table(consumerHeadings, consumers.map(consumerCells)));
  return parts.join('\n\n');
}

/** One service: itself, whom it calls and who calls it. */
export function only(service: string | undefined, stats: MeshStats): MeshStats {
  if (service === undefined) return stats;
  return {
    services: stats.services.filter((row) => row.service === service),
    edges: stats.edges.filter((row) => row.caller === service || row.target === service),
    methods: stats.methods.filter((row) => row.service === service),
    publishers: stats.publishers.filter((row) => row.service === service),
    consumers: stats.consumers.filter((row) => row.service === service),
  };
}

const goldenHeadings = ['SUCCESS', 'RPS', 'P50', 'P95', 'P99', 'LANE'] as const;
const serviceHeadings = ['SERVICE', 'INSTANCES', ...goldenHeadings, 'ACTIVE', 'CPU', 'RSS', 'LOOP'];
const edgeHeadings = [
  ...['CALLER → TARGET', ...goldenHeadings, 'CALLS/WRITE'],
  ...['RETRIED', 'REFUSED', 'BREAKER', 'EJECTED', 'BUDGET'],
];
const methodHeadings = ['METHOD', ...goldenHeadings];

const publisherHeadings = ['PUBLISHER', 'PUBLISHED/S', 'OUTBOX', 'RELAY'];
const consumerHeadings = [
  ...['CONSUMER', 'STATE', 'HANDLED/S', 'DELAY P50', 'P99', 'SKIPPED', 'FAILED', 'OUTAGES'],
  ...['PARKED', 'DEAD LETTERS'],
];

function publisherCells(row: PublisherRow): string[] {
  const { service, publishedPerSecond, outboxUnsent, relays } = row;
  return [service, rate(publishedPerSecond), String(outboxUnsent), countsText(relays)];
}

function consumerCells(row: ConsumerRow): string[] {
  const { service, consumer, byOutcome } = row;
  const count = (...outcomes: string[]): string =>
    String(outcomes.reduce((sum, outcome) => sum + (byOutcome[outcome] ?? 0), 0));
  return [
    consumer === service ? consumer : `${consumer} of ${service}`,
    ...[countsText(row.states), rate(row.handledPerSecond)],
    ...[maybe(ms, row.delayP50Ms), maybe(ms, row.delayP99Ms)],
    ...[count('skipped'), count('failed', 'dead'), count('outage')],
    ...[String(row.parked), String(row.deadLetters)],
  ];
}

function serviceCells(row: ServiceRow): string[] {
  return [
    ...[row.service, String(row.instances), ...goldenCells(row), String(row.inFlight)],
    ...[percent(row.cpu), megabytes(row.rssBytes), ms(row.loopDelayP99Ms)],
  ];
}

function edgeCells(row: EdgeRow): string[] {
  return [
    ...[`${row.caller} → ${row.target}`, ...goldenCells(row)],
    ...[row.callsPerWrite?.toFixed(1) ?? '-', maybe(percent, row.retriedShare)],
    ...[String(row.refused), breakerText(row), ejectedText(row)],
    maybe((left) => String(Math.floor(left)), row.retryBudget),
  ];
}

function methodCells(row: MethodRow): string[] {
  return [row.method, ...goldenCells(row)];
}

function goldenCells(row: Golden): string[] {
  const { successRate, perSecond, p50Ms, p95Ms, p99Ms, laneShare } = row;
  return [
    ...[maybe(success, successRate), rate(perSecond)],
    ...[maybe(ms, p50Ms), maybe(ms, p95Ms), maybe(ms, p99Ms), maybe(percent, laneShare)],
  ];
}

function breakerText({ callers, breakersOpen }: EdgeRow): string {
  if (callers === 0) return '-';
  return breakersOpen === 0 ? 'closed' : `open at ${breakersOpen} of ${callers}`;
}

function ejectedText({ ejected, stale }: EdgeRow): string {
  const names = ejected.length === 0 ? '0' : `${ejected.length} (${ejected.join(', ')})`;
  return stale ? `${names}, discovery is away` : names;
}
