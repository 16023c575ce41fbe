import type { SpanRecord } from '../../telemetry/spans.ts';
import { table } from '../table.ts';
import type { Looped } from './open-loop.ts';

/** What came of a load; `-o json` prints it. Times in ms, shares 0 to 1. */
export interface LoadReport {
  readonly method: string;
  readonly target: string;
  readonly sent: number;
  /** Due, and never sent, for all places were taken: what is below then looks better than it was. */
  readonly unsent: number;
  readonly perSecond: number;
  readonly successRate: number;
  /** By "OK" or "<status> (<reason>)". */
  readonly endings: Readonly<Record<string, number>>;
  readonly latencyMs: Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>>;
  /** The share of calls that took more than one attempt. */
  readonly repeated: number;
  readonly laneShare: number;
  /** By the instance of the last attempt; "none" for calls that reached none. */
  readonly instances: Readonly<Record<string, number>>;
}

/** Counts what the spans of a client tell of its calls. */
export interface Tally {
  count(span: SpanRecord): void;
  report(what: Pick<LoadReport, 'method' | 'target'>, looped: Looped): LoadReport;
}

export function createTally(): Tally {
  const endings: Record<string, number> = {};
  const instances: Record<string, number> = {};
  let [calls, repeated, lanes] = [0, 0, 0];
  const add = (counts: Record<string, number>, name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  return {
    count({ status, failure, endpoint, attempts, transport }) {
      calls++;
      const reason = failure?.reason ?? '';
      add(endings, reason === '' ? status : `${status} (${reason})`);
      add(instances, endpoint === undefined || endpoint === '' ? 'none' : endpoint);
      if (attempts > 1) repeated++;
      if (transport === 'lane') lanes++;
    },
    report(what, { sent, unsent, latenciesMs, tookMs }) {
      const share = (part: number): number => (calls === 0 ? 0 : part / calls);
      const at = (q: number): number =>
        latenciesMs[Math.min(latenciesMs.length - 1, Math.ceil(q * latenciesMs.length) - 1)] ?? 0;
      return {
        ...{ ...what, sent, unsent, endings, instances },
        perSecond: tookMs === 0 ? 0 : (sent * 1000) / tookMs,
        successRate: share(endings['OK'] ?? 0),
        latencyMs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) },
        ...{ repeated: share(repeated), laneShare: share(lanes) },
      };
    },
  };
}

/** The report as a person reads it. */
export function reportText(report: LoadReport): string {
  const { method, target, sent, unsent, perSecond, latencyMs, endings, instances } = report;
  const rows = (counts: Readonly<Record<string, number>>): string[][] =>
    Object.entries(counts)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => [name, String(count), percent(count / Math.max(1, sent))]);
  const { p50, p90, p99, p999, max } = latencyMs;
  return [
    `${method} at ${target}: ${sent} calls, ${perSecond.toFixed(1)}/s, ${percent(report.laneShare)} by lane, ${percent(report.repeated)} repeated`,
    ...(unsent === 0
      ? []
      : [
          `${unsent} more were due and never sent, for all places were taken: ask for less, or --concurrency`,
        ]),
    '',
    table(['ENDED WITH', 'CALLS', ''], rows(endings)),
    '',
    table(
      ['LATENCY', 'P50', 'P90', 'P99', 'P99.9', 'MAX'],
      [
        [
          'from due',
          ...[p50, p90, p99, p999, max].map((ms) => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`),
        ],
      ],
    ),
    '',
    table(['INSTANCE', 'CALLS', ''], rows(instances)),
  ].join('\n');
}

/** Not rounded up to 100 %. */
function percent(share: number): string {
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)}%`;
}
