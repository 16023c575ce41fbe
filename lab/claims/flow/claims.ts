/** What the literature says of the flows, held against what became of their orders. */
import { type Claim, sources } from '../claim.ts';
import type { Played } from './charts.ts';
import type { Summary } from './summary.ts';
import type { Flow } from './wire.ts';

const source = sources.interService;
const setup = 'Five processes of each flow at once, 25 orders a second, one in five to be refused';

export function flowClaims(played: Played): readonly Claim[] {
  const all = [...played].map(([{ name }, summaries]) => ({ name, ...summaries }));
  const of = (flow: Flow, names: RegExp): Summary[] =>
    all.filter(({ name }) => names.test(name)).map((each) => each[flow]);
  const [calm] = all.filter(({ name }) => name === 'calm');
  if (calm === undefined) throw new Error('the calm was not played');
  const { synchronous, asynchronous, hybrid } = calm;
  const late = of('synchronous', /^notifications-(down|slow)/).map(({ carriedOut }) => carriedOut);
  const worst = Math.min(...late);
  const bestEffort = of('hybrid', /^(warehouse|notifications)-/);
  const everywhere = of('hybrid', /./);
  const away = of('asynchronous', /^payments-(down|killed)/);
  return [
    {
      claim: 'Synchronous: latency adds up.',
      ...{ source, setup: `${setup}; nothing is wrong.` },
      result: `Answers at p50: synchronous ${String(synchronous.answerP50Ms)}, hybrid ${String(hybrid.answerP50Ms)}, asynchronous ${String(asynchronous.answerP50Ms)} ms.`,
      held: synchronous.answerP50Ms > asynchronous.answerP50Ms,
    },
    {
      claim: 'Synchronous: a notification that cannot be sent cancels orders.',
      ...{ source, setup: `${setup}; notifications is down or slow for 2 s of 4.` },
      result: `${percent(worst)} of the good orders are carried out.`,
      held: worst < 0.9,
    },
    {
      claim: 'Asynchronous: an order is accepted although stock or payment says no.',
      ...{ source, setup: `${setup}; nothing is wrong.` },
      result: `${String(asynchronous.wronglyAccepted)} of ${String(asynchronous.placed)} orders are accepted and withdrawn.`,
      held: asynchronous.wronglyAccepted > 0,
    },
    {
      claim: 'A message queue keeps the details of an order until its receiver is back.',
      ...{ source, setup: `${setup}; payments is down or killed.` },
      result: `${String(sum(away, ({ lost }) => lost))} orders lost, ${percent(Math.min(...away.map(({ carriedOut }) => carriedOut)))} of the good ones carried out.`,
      held: away.every(({ lost, carriedOut }) => lost === 0 && carriedOut === 1),
    },
    {
      claim: 'Hybrid: customers do not notice that what is best effort is away.',
      ...{ source, setup: `${setup}; warehouse or notifications is down, slow or killed.` },
      result: `At worst ${percent(Math.min(...bestEffort.map(({ inTime }) => inTime)))} answered in time, none accepted wrongly.`,
      held: bestEffort.every(
        ({ inTime, wronglyAccepted }) => inTime >= 0.98 && wronglyAccepted === 0,
      ),
    },
    {
      claim: 'Hybrid: a refused payment gives the stock back by a message.',
      ...{ source, setup: `${setup}; every fault, one after the other.` },
      result: `${String(sum(everywhere, ({ takenBack }) => takenBack))} parts taken back, ${String(sum(everywhere, ({ halfDone }) => halfDone))} orders half done.`,
      held: everywhere.every(({ halfDone }) => halfDone === 0),
    },
    orchestratedClaim(of('orchestrated', /./), calm),
  ];
}

function orchestratedClaim(
  steered: readonly Summary[],
  { orchestrated, hybrid }: Readonly<Record<Flow, Summary>>,
): Claim {
  return {
    claim: 'Orchestrated: a saga carries each order to its end, forward or back.',
    ...{ source: sources.interprocess, setup: `${setup}; every fault, one after the other.` },
    result: `${String(sum(steered, ({ lost }) => lost))} orders lost, ${String(sum(steered, ({ halfDone }) => halfDone))} half done, ${String(sum(steered, ({ wronglyAccepted }) => wronglyAccepted))} accepted wrongly; ${String(sum(steered, ({ takenBack }) => takenBack))} parts taken back. When all is well it answers at p50 in ${String(orchestrated.answerP50Ms)} ms, the hybrid in ${String(hybrid.answerP50Ms)} ms.`,
    held: steered.every(
      ({ lost, halfDone, wronglyAccepted }) => lost + halfDone + wronglyAccepted === 0,
    ),
  };
}

function sum(list: readonly Summary[], what: (summary: Summary) => number): number {
  return list.reduce((total, each) => total + what(each), 0);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
