/**
 * "Bonuses buffer in the stream while Payments is down": the asynchronous delivery while both of its services are
 * killed again and again and acks get lost. What every courier gets is then held against what was recorded.
 */
import { IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { PayoutsServiceDefinition } from '#gen/delivery/payouts/v1/payouts.ts';
import { type Client, systemClock, systemRandom } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import { openAckLoss } from './duplicates/ack-loss.ts';
import type { Effort, Experiment } from './experiment.ts';
import { barChart } from './plot.ts';
import { openTroupe, type Troupe } from './troupe.ts';

const kills = { full: 12, short: 4 };
const couriers = ['ada', 'bob', 'eve'];
const bonusCents = 150;
const ratePerSecond = 40;
/** The share of payouts' acks that never arrive: each of these bonuses comes again. */
const ackLoss = 0.05;
/** How long a life lasts at least and at most once it is at work, in ms. */
const life = { atLeastMs: 500, atMostMs: 1500 };

interface Count {
  readonly deliveries: number;
  readonly kills: number;
  readonly acksLost: number;
  readonly paid: number;
  readonly missing: number;
  /** Bonuses by which the accounts are too high. */
  readonly doubled: number;
}

interface Stubs {
  readonly incentives: Client<IncentivesServiceDefinition>;
  readonly payouts: Client<PayoutsServiceDefinition>;
}

export const payouts: Experiment = {
  name: 'payouts',
  async run(say, effort) {
    const troupe = await openTroupe('delivery');
    const link = await openAckLoss(troupe.nats, ackLoss, systemRandom);
    try {
      const count = await play(troupe, link, { say, effort });
      const none = { op: '<=', bar: 0, unit: 'bonuses' } as const;
      return {
        bars: [
          { name: 'payouts-doubled', value: count.doubled, ...none },
          { name: 'payouts-missing', value: count.missing, ...none },
        ],
        claims: claimsOf(count),
        data: count,
        charts: { payouts: chart(count) },
        tables: { payouts: table(count) },
      };
    } finally {
      await troupe.close();
      await link.close();
    }
  },
};

async function play(
  troupe: Troupe,
  link: { readonly url: string; readonly lost: number },
  { say, effort }: { say: (text: string) => void; effort: Effort },
): Promise<Count> {
  const stubs: Stubs = {
    incentives: troupe.client(IncentivesServiceDefinition),
    payouts: troupe.client(PayoutsServiceDefinition),
  };
  const start = {
    incentives: () => troupe.start('incentives'),
    payouts: () => troupe.start('payouts', { MESH_NATS: link.url }),
  };
  const atWork = {
    incentives: () => eventually(() => stubs.incentives.getUnpaid({}), { withinMs: 30_000 }),
    payouts: () =>
      eventually(() => stubs.payouts.listBonuses({ courierId: '' }), { withinMs: 30_000 }),
  };
  start.incentives();
  start.payouts();
  await atWork.payouts();
  const recording = record(stubs);
  for (let n = 0; n < kills[effort]; n++) {
    await systemClock.sleep(life.atLeastMs + systemRandom.next() * life.atMostMs);
    const victim = n % 2 === 0 ? 'payouts' : 'incentives';
    say(`kill -9 of ${victim}`);
    await troupe.kill(victim);
    start[victim]();
    await atWork[victim]();
  }
  const recorded = await recording.stop();
  say(`${String(recorded.length)} deliveries; waiting for the last bonus`);
  const paid = async (): Promise<readonly string[]> => {
    const { bonuses } = await stubs.payouts.listBonuses({ courierId: '' });
    return bonuses.map(({ bonusId }) => bonusId);
  };
  // A bonus that a killed consumer had in hand comes again after 30 s; what is missing then is counted, not waited for.
  await eventually(async () => (await paid()).length >= recorded.length, {
    ...{ withinMs: 90_000, everyMs: 250 },
  }).catch(() => undefined);
  // Consul still knows some of those who were killed, and a call may find nothing but them.
  const known = new Set(await eventually(paid));
  const sums = await Promise.all(
    couriers.map(
      async (courierId) =>
        (await eventually(() => stubs.payouts.getPayout({ courierId }))).bonusCents,
    ),
  );
  const cents = sums.reduce((sum, each) => sum + Number(each), 0);
  return {
    ...{ deliveries: recorded.length, kills: kills[effort], acksLost: link.lost },
    paid: known.size,
    missing: recorded.filter((id) => !known.has(id)).length,
    doubled: Math.max(0, cents / bonusCents - new Set(recorded).size),
  };
}

/** Records deliveries at a steady rate until it is stopped; gives those that were answered. */
function record({ incentives }: Stubs): { stop: () => Promise<readonly string[]> } {
  const done: string[] = [];
  let going = true;
  const run = async (): Promise<void> => {
    for (let n = 0; going; n++) {
      const deliveryId = `d-${String(n)}`;
      const courierId = couriers[n % couriers.length] ?? 'ada';
      // Whoever has delivered says so until it is written down: that is what the id is for.
      await eventually(() => incentives.recordDelivery({ deliveryId, courierId, minutes: 9 }), {
        ...{ withinMs: 60_000, everyMs: 100 },
      });
      done.push(deliveryId);
      await systemClock.sleep(1000 / ratePerSecond);
    }
  };
  const running = run();
  return {
    async stop() {
      going = false;
      await running;
      return done;
    },
  };
}

function claimsOf({ deliveries, missing, doubled, ...more }: Count): readonly Claim[] {
  return [
    {
      claim: 'Bonuses buffer in the stream while payments are down, and are paid once.',
      source: sources.reliable,
      setup: `Incentives and payouts, ${String(ratePerSecond)} deliveries a second at most; kill -9 of either, ${String(more.kills)} times; ${String(more.acksLost)} acks lost.`,
      result: `Of ${String(deliveries)} bonuses ${String(missing)} missing, ${String(doubled)} doubled.`,
      held: missing === 0 && doubled === 0,
    },
  ];
}

function table({ deliveries, kills: times, acksLost, paid, missing, doubled }: Count): string {
  return markdownTable(
    ['deliveries', 'kill -9', 'acks lost', 'bonuses paid', 'missing', 'doubled'],
    [[deliveries, times, acksLost, paid, missing, doubled]],
  );
}

function chart({ deliveries, acksLost, paid, missing, doubled }: Count): string {
  const bar = (label: string, ink: 'good' | 'bad' | 'late', value: number) => ({
    ...{ label, bars: [{ ink, value, text: String(value) }] },
  });
  return barChart({
    title: 'Bonuses earned, and what became of them',
    legend: [
      ['as it should be', 'good'],
      ['delivered again', 'late'],
      ['wrong', 'bad'],
    ],
    rows: [
      bar('earned', 'good', deliveries),
      bar('paid', 'good', paid),
      bar('acks lost on the way', 'late', acksLost),
      bar('missing', 'bad', missing),
      bar('doubled', 'bad', doubled),
    ],
  });
}
