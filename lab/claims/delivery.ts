/**
 * "Designing Reliable Services Communication": the same feature built with calls both ways and with events, each with one
 * of its services away in turn. And an asynchronous call without a queue, beside a queue.
 */
import { type Claim, sources } from './claim.ts';
import { type Build, builds, type Played, playBuild } from './delivery/play.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';
import { barChart } from './plot.ts';

type Both = Readonly<Record<Build, Played>>;

export const delivery: Experiment = {
  name: 'delivery',
  async run(say, effort) {
    say('built to call each other');
    const sync = await playBuild('sync', effort);
    say('built to hear of each other');
    const both: Both = { sync, events: await playBuild('events', effort) };
    const { events } = both;
    return {
      bars: [
        { name: 'delivery-events-lost', value: events.away.lost, ...none },
        { name: 'delivery-events-batched', value: events.away.batched, ...none },
        {
          ...{ name: 'delivery-events-answered', op: '>=', bar: 1, unit: 'share' },
          value: events.payoutsAnswered,
        },
      ],
      claims: claimsOf(both),
      data: both,
      charts: { delivery: chart(both) },
      tables: { delivery: table(both) },
    };
  },
};

const none = { op: '<=', bar: 0, unit: 'bonuses' } as const;

/** By a tenth at least: less than that is another run's figure. */
function isFaster(thisMs: number, thatMs: number): boolean {
  return thisMs <= 0.9 * thatMs;
}

function claimsOf({ sync, events }: Both): readonly Claim[] {
  const source = sources.reliable;
  const setup = 'Incentives and payouts in both builds, two processes each';
  const share = ({ payoutsAnswered }: Played): string => `${(payoutsAnswered * 100).toFixed(0)} %`;
  return [
    {
      claim: 'Asynchronous saves a network call for each bonus.',
      ...{ source, setup: `${setup}; nothing is wrong.` },
      result: `${String(sync.callsPerBonus)} call by calls, ${String(events.callsPerBonus)} by events, and ${String(events.messagesPerBonus)} messages.`,
      held: events.callsPerBonus < sync.callsPerBonus,
    },
    {
      claim: 'One network call less is faster: for whoever tells.',
      ...{ source, setup: `${setup}, on one machine; nothing is wrong.` },
      result: `Answered at p50 after ${String(sync.bonusP50Ms)} ms by calls and ${String(events.bonusP50Ms)} ms by events, paid after ${String(sync.paidP50Ms)} and ${String(events.paidP50Ms)} ms.`,
      held: isFaster(events.bonusP50Ms, sync.bonusP50Ms),
    },
    {
      claim: 'One network call less is faster: for whoever asks.',
      ...{ source, setup: `${setup}; what a courier gets is asked for.` },
      result: `Answered at p50 after ${String(sync.payoutP50Ms)} ms by asking and ${String(events.payoutP50Ms)} ms from the copy.`,
      held: isFaster(events.payoutP50Ms, sync.payoutP50Ms),
    },
    {
      claim:
        'Synchronous: while payments are down, incentives needs a work-around to batch unpaid bonuses.',
      ...{ source, setup: `${setup}; payouts is stopped and started again.` },
      result: `Of ${String(sync.away.recorded)} bonuses ${String(sync.away.batched)} and ${String(events.away.batched)} in a batch; lost ${String(sync.away.lost)} and ${String(events.away.lost)}.`,
      held: sync.away.batched === sync.away.recorded && events.away.batched === 0,
    },
    {
      claim:
        'Synchronous: while incentives is down, payments do not know how much to pay; asynchronous they use a copy.',
      ...{ source, setup: `${setup}; incentives is stopped.` },
      result: `${share(sync)} and ${share(events)} answered; the last answer of the copy says that it is ${String(events.answerAgeMs)} ms old.`,
      held: sync.payoutsAnswered === 0 && events.payoutsAnswered === 1,
    },
    {
      claim: 'An asynchronous call to a service that is down loses what it said; a queue keeps it.',
      source: sources.interService,
      setup: `${setup}; payouts is stopped, and bonuses are also sent by calls that nobody waits for.`,
      result: `Of ${String(events.away.recorded)} bonuses ${String(events.away.lostByCalls)} are lost by such calls, ${String(events.away.lost)} by the queue.`,
      held: events.away.lostByCalls > 0 && events.away.lost === 0,
    },
  ];
}

const titles: Readonly<Record<Build, string>> = { sync: 'by calls', events: 'by events' };

function table(both: Both): string {
  return markdownTable(
    [
      'built',
      'calls, messages per bonus',
      'bonus answered p50, p99',
      'paid after, p50',
      'payout answered, p50',
      'payouts away: answered p50',
      'in the batch',
      'lost',
      'lost by calls that nobody waits for',
      'incentives away: payouts answered',
    ],
    builds.map((build) => {
      const { away, ...played } = both[build];
      return [
        titles[build],
        `${String(played.callsPerBonus)}, ${String(played.messagesPerBonus)}`,
        `${String(played.bonusP50Ms)}, ${String(played.bonusP99Ms)} ms`,
        `${String(played.paidP50Ms)} ms`,
        `${String(played.payoutP50Ms)} ms`,
        `${String(away.p50Ms)} ms`,
        ...[away.batched, away.lost, away.lostByCalls],
        `${(played.payoutsAnswered * 100).toFixed(0)} %`,
      ];
    }),
  );
}

function chart({ sync, events }: Both): string {
  const row = (label: string, of: (played: Played) => number) => ({
    label,
    bars: [
      { ink: 'late' as const, value: of(sync), text: `${String(of(sync))} ms` },
      { ink: 'good' as const, value: of(events), text: `${String(of(events))} ms` },
    ],
  });
  return barChart({
    title: 'How long a bonus and a payout take, at p50',
    legend: [
      ['by calls', 'late'],
      ['by events', 'good'],
    ],
    rows: [
      row('bonus: answered', ({ bonusP50Ms }) => bonusP50Ms),
      row('bonus: paid', ({ paidP50Ms }) => paidP50Ms),
      row('payout: answered', ({ payoutP50Ms }) => payoutP50Ms),
      row('bonus while payouts is away', ({ away }) => away.p50Ms),
    ],
  });
}
