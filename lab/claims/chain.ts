/**
 * The chain A -> B -> C of "How to communicate between micro-services": C crashes, C hangs, there are two of
 * it, one stands by; in plain grpc-js and through weft. Then the parts of a robust call as
 * "Interprocess communication in a microservice architecture" lists them, switched on one by one.
 */
import type { Bar } from '../result-file.ts';
import { matrixChart, partsText, scenarioChart } from './chain/charts.ts';
import { chainClaims } from './chain/claims.ts';
import { type Cell, playMatrix } from './chain/matrix.ts';
import { type Played, play, scenarios } from './chain/scenarios.ts';
import type { Summary } from './chain/summary.ts';
import type { Kind } from './chain/wire.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';

type Results = ReadonlyMap<string, Record<Kind, Played>>;

export const chain: Experiment = {
  name: 'chain',
  async run(say) {
    const results = new Map<string, Record<Kind, Played>>();
    const charts: Record<string, string> = {};
    for (const scenario of scenarios) {
      say(scenario.title);
      const played = await play(scenario, say);
      results.set(scenario.name, played);
      charts[`chain-${scenario.name}`] = scenarioChart(scenario, played);
    }
    const cells = await playMatrix(say);
    charts['chain-parts'] = matrixChart(cells);
    return {
      charts,
      claims: chainClaims(results, cells),
      bars: barsOf(results, cells),
      tables: { chain: scenarioTable(results), 'chain-parts': partsTable(cells) },
      data: {
        scenarios: Object.fromEntries(
          [...results].map(([name, { plain, weft }]) => [
            name,
            { plain: plain.summary, weft: weft.summary },
          ]),
        ),
        parts: cells.map(({ parts, ...cell }) => ({ parts: partsText(parts), ...cell })),
      },
    };
  },
};

/**
 * What weft promises here, by its own numbers: nobody waits longer than the 1 s that the schema gives to A, so
 * no more calls are in hand than 60 a second bring in 1 s, and a fifth more; a breaker that opened for 1 and 2 and
 * 4 s has tried again by then; idempotent calls do not notice that one of two instances dies. The lock of an
 * instance that dies is free with Consul's next probe, a second later at most; what was open by then takes a while.
 */
function barsOf(results: Results, cells: readonly Cell[]): Bar[] {
  const weft = (name: string): Summary => {
    const played = results.get(name);
    if (played === undefined) throw new Error(`${name} was not played`);
    return played.weft.summary;
  };
  const all = cells.find(({ parts, recovery }) => {
    return parts.timeOut && parts.limit && parts.breaker && recovery === 'default';
  });
  if (all === undefined) throw new Error('not all parts were tried together');
  return [
    atMost('hang-longest-answer-ms', weft('hang').longestMs, 1100, 'ms'),
    atMost('hang-in-hand', Math.max(...weft('hang').piledUp), 72, 'calls'),
    atMost('hang-recovery-ms', weft('hang').recoveryMs, 5000, 'ms'),
    atMost('crash-recovery-ms', weft('crash').recoveryMs, 5000, 'ms'),
    atMost('redundant-crash-failed', failed(weft('redundant-crash')), 0, 'calls'),
    atLeast('redundant-hang-in-time', weft('redundant-hang').inTime, 0.98, 'share'),
    atMost('standby-disturbed-ms', weft('standby-crash').disturbedMs, 5000, 'ms'),
    atLeast('parts-in-time', all.summary.inTime, 0.999, 'share'),
    atMost('parts-in-hand', Math.max(...all.summary.piledUp), 12, 'calls'),
  ];
}

function atMost(name: string, value: number, bar: number, unit: string): Bar {
  return { name: `chain-${name}`, value, op: '<=', bar, unit };
}

function atLeast(name: string, value: number, bar: number, unit: string): Bar {
  return { name: `chain-${name}`, value, op: '>=', bar, unit };
}

function failed({ fates }: Summary): number {
  return fates.error + fates.none;
}

function scenarioTable(results: Results): string {
  const rows = scenarios.flatMap(({ name, title }) => {
    const played = results.get(name);
    if (played === undefined) return [];
    return (['plain', 'weft'] as const).map((kind) => [
      kind === 'plain' ? title : '',
      kind,
      ...figures(played[kind].summary),
    ]);
  });
  return markdownTable(
    [
      'what happens',
      'through',
      'in time while it lasts',
      'p50 while it lasts',
      'longest wait',
      'errors',
      'most in hand at A, B, C',
      'disturbed for',
      'recovered after',
    ],
    rows,
  );
}

function figures(summary: Summary): string[] {
  const { inTimeDuringFault, p50Ms, longestMs, piledUp, disturbedMs, recoveryMs, recovered } =
    summary;
  const errors = Object.entries(summary.errors).map(
    ([status, count]) => `${String(count)} ${status}`,
  );
  return [
    percent(inTimeDuringFault),
    `${String(p50Ms)} ms`,
    `${String(longestMs)} ms`,
    errors.join(', ') || 'none',
    piledUp.join(', '),
    seconds(disturbedMs),
    recovered ? seconds(recoveryMs) : `not within ${seconds(recoveryMs)}`,
  ];
}

function partsTable(cells: readonly Cell[]): string {
  return markdownTable(
    [
      'parts',
      'recovery',
      'in time',
      'of these recovered',
      'most in hand',
      'longest wait',
      'the chain answers again after',
    ],
    cells.map(({ parts, recovery, recoveredAnswers, chainAgainMs, summary }) => [
      partsText(parts),
      recovery,
      percent(summary.inTime),
      percent(recoveredAnswers / summary.sent),
      Math.max(...summary.piledUp),
      `${String(summary.longestMs)} ms`,
      seconds(chainAgainMs),
    ]),
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
