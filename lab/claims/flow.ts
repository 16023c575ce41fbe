/**
 * The order flow of "Inter-Service Communication" built four ways, all synchronous, all asynchronous, hybrid, and
 * orchestrated by a saga, and played side by side under the same load and the same faults.
 */
import type { Bar } from '../result-file.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';
import { flowChart, type Played } from './flow/charts.ts';
import { flowClaims } from './flow/claims.ts';
import { type Crew, startCrew } from './flow/crew.ts';
import { play, type Scenario, scenariosOf } from './flow/scenarios.ts';
import type { Summary } from './flow/summary.ts';
import { type Flow, flows } from './flow/wire.ts';

export const flow: Experiment = {
  name: 'flow',
  async run(say, effort) {
    const crews: Crew[] = [];
    const started = await Promise.allSettled(
      flows.map(async (each) => crews.push(await startCrew(each))),
    );
    try {
      for (const each of started) if (each.status === 'rejected') throw each.reason;
      const played = new Map<Scenario, Record<Flow, Summary>>();
      for (const scenario of scenariosOf(effort)) {
        say(scenario.title);
        played.set(scenario, byFlow(await play(crews, scenario, { effort, say })));
      }
      return {
        bars: barsOf(played),
        claims: flowClaims(played),
        data: Object.fromEntries([...played].map(([{ name }, summaries]) => [name, summaries])),
        charts: { flow: flowChart(played) },
        tables: { flow: table(played) },
      };
    } finally {
      await Promise.all(crews.map((crew) => crew.close()));
    }
  },
};

function byFlow(summaries: ReadonlyMap<Flow, Summary>): Record<Flow, Summary> {
  const of = (wanted: Flow): Summary => {
    const summary = summaries.get(wanted);
    if (summary === undefined) throw new Error(`${wanted} was not played`);
    return summary;
  };
  return {
    synchronous: of('synchronous'),
    asynchronous: of('asynchronous'),
    hybrid: of('hybrid'),
    orchestrated: of('orchestrated'),
  };
}

/** What hybrid and saga promise, whatever goes wrong; and that what nobody waits for, nobody notices. */
function barsOf(played: Played): Bar[] {
  const of = (each: Flow) =>
    [...played].map(([{ name }, summaries]) => ({ name, ...summaries[each] }));
  const none = { op: '<=', bar: 0, unit: 'orders' } as const;
  const kept = (['hybrid', 'orchestrated'] as const).flatMap((each) => {
    const sum = (what: (summary: Summary) => number): number =>
      of(each).reduce((all, summary) => all + what(summary), 0);
    return [
      { name: `flow-${each}-lost`, value: sum(({ lost }) => lost), ...none },
      { name: `flow-${each}-half-done`, value: sum(({ halfDone }) => halfDone), ...none },
      { name: `flow-${each}-wrongly-accepted`, value: sum((all) => all.wronglyAccepted), ...none },
    ];
  });
  const bestEffort = of('hybrid').filter(({ name }) => /^(warehouse|notifications)-/.test(name));
  return [
    ...kept,
    {
      ...{ name: 'flow-hybrid-best-effort-in-time', op: '>=', bar: 0.98, unit: 'share' },
      value: Math.min(...bestEffort.map(({ inTime }) => inTime)),
    },
  ];
}

function table(played: Played): string {
  return markdownTable(
    [
      'what happens',
      'flow',
      'answered in time',
      'answer p50, p99',
      'to the end p50, p99',
      'good orders carried out',
      'wrongly accepted',
      'lost',
      'half done',
      'parts taken back',
    ],
    [...played].flatMap(([{ title }, summaries]) =>
      flows.map((each, i) => [i === 0 ? title : '', each, ...figures(summaries[each])]),
    ),
  );
}

function figures(summary: Summary): (string | number)[] {
  const { answerP50Ms, answerP99Ms, endP50Ms, endP99Ms } = summary;
  return [
    percent(summary.inTime),
    `${String(answerP50Ms)}, ${String(answerP99Ms)} ms`,
    `${String(endP50Ms)}, ${String(endP99Ms)} ms`,
    percent(summary.carriedOut),
    summary.wronglyAccepted,
    summary.lost,
    summary.halfDone,
    summary.takenBack,
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
