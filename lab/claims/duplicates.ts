/**
 * "At-least-once delivers duplicates: idempotent handlers, or message ids recorded in the transaction": one
 * service hears every order in three ways while it is killed and its acks get lost.
 */
import { join } from 'node:path';
import { openStore, systemClock, systemRandom } from '#mesh';
import { eventMigrations } from '../../mesh/events/migrations.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type Broker, messageOf, openBroker, outstanding } from './bus.ts';
import { type Child, startChild } from './child.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import { openAckLoss } from './duplicates/ack-loss.ts';
import {
  consumers,
  type HearerOptions,
  type HearerTables,
  hearerMigrations,
  type Way,
  ways,
} from './duplicates/ways.ts';
import type { Experiment } from './experiment.ts';
import { barChart } from './plot.ts';

/** The two reasons for which a delivery repeats, each alone. */
const plans = {
  killed: { title: 'kill -9 between commit and ack', kills: { full: 20, short: 4 }, ackLoss: 0 },
  acks: { title: '5 % of the acks are lost', kills: { full: 0, short: 0 }, ackLoss: 0.05 },
} as const;
type Plan = keyof typeof plans;

/** Orders a second while it lasts. */
const ratePerSecond = 400;
/** One in so many effects is the last one: with three ways, about half a second of life. */
const fatal = 1 / 600;
/** How long it lasts without kills, in ms. */
const calmMs = { full: 5000, short: 2000 };

interface Count {
  readonly effects: number;
  /** Orders whose effect happened again. */
  readonly again: number;
  readonly missing: number;
  /** What the sum says. */
  readonly sum: number;
}

interface Played {
  readonly orders: number;
  readonly kills: number;
  readonly acksLost: number;
  readonly counts: Record<Way, Count>;
}

export const duplicates: Experiment = {
  name: 'duplicates',
  async run(say, effort) {
    const played: Record<Plan, Played> = {
      killed: await play('killed', say, effort),
      acks: await play('acks', say, effort),
    };
    const inbox = [played.killed.counts.inbox, played.acks.counts.inbox];
    const sum = (of: (count: Count) => number): number =>
      inbox.reduce((all, it) => all + of(it), 0);
    return {
      bars: [
        { name: 'duplicates-inbox-again', value: sum(({ again }) => again), ...none },
        { name: 'duplicates-inbox-missing', value: sum(({ missing }) => missing), ...none },
      ],
      claims: claimsOf(played),
      data: played,
      charts: { duplicates: chart(played) },
      tables: { duplicates: table(played) },
    };
  },
};

const none = { op: '<=', bar: 0, unit: 'effects' } as const;

function claimsOf({ killed, acks }: Record<Plan, Played>): readonly Claim[] {
  const source = sources.interprocess;
  const setup = `One consumer of each kind; kill -9 before the ack, ${String(killed.kills)} times, and ${String(acks.acksLost)} acks lost.`;
  const both = (way: Way): Count[] => [killed.counts[way], acks.counts[way]];
  const again = (way: Way): number => both(way).reduce((sum, count) => sum + count.again, 0);
  const missing = ways.flatMap(both).reduce((sum, count) => sum + count.missing, 0);
  const sums = both('inbox').every(({ sum, effects }) => sum === effects);
  return [
    {
      claim: 'At-least-once loses nothing and delivers duplicates.',
      ...{ source, setup, held: again('nothing') > 0 && missing === 0 },
      result: `${String(again('nothing'))} effects happened again, ${String(missing)} are missing.`,
    },
    {
      claim: 'An idempotent handler makes a duplicate harmless.',
      ...{ source, setup, held: again('a key') === 0 },
      result: `With the order as key ${String(again('a key'))} effects happened again.`,
    },
    {
      claim: 'Ids of messages, recorded in the transaction of the effect, do it for every effect.',
      ...{ source, setup, held: again('inbox') === 0 && sums },
      result: `With the inbox ${String(again('inbox'))} effects happened again; its sums ${sums ? 'are right' : 'are wrong'}.`,
    },
  ];
}

async function play(
  name: Plan,
  say: (text: string) => void,
  effort: 'full' | 'short',
): Promise<Played> {
  const { title, ackLoss, kills } = plans[name];
  say(title);
  const broker = await openBroker();
  const store = `sqlite:${join(broker.folder, 'hearer.db')}`;
  const link = await openAckLoss(broker.url, ackLoss, systemRandom);
  const start = (chance: number): Promise<Child> => {
    const options: HearerOptions = { store, nats: link.url, fatal: chance };
    return startChild('duplicates/hearer.ts', options);
  };
  const publishing = publish(broker);
  try {
    for (let n = 0; n < kills[effort]; n++) await (await start(fatal)).gone;
    const hearer = await start(0);
    if (kills[effort] === 0) await systemClock.sleep(calmMs[effort]);
    const orders = await publishing.stop();
    const settled = async (): Promise<boolean> =>
      (await outstanding(broker.url, Object.values(consumers))) === 0;
    await eventually(settled, { withinMs: 60_000, everyMs: 100 });
    await hearer.kill();
    const counts = await countAll(store, orders);
    return { orders: orders.length, kills: kills[effort], acksLost: link.lost, counts };
  } finally {
    await publishing.stop();
    await link.close();
    await broker.close();
  }
}

/** Publishes orders at a steady rate until it is stopped, and gives them. */
function publish({ bus }: Broker): { stop: () => Promise<readonly string[]> } {
  const orders: string[] = [];
  let going = true;
  const run = async (): Promise<void> => {
    const begin = systemClock.monotonic();
    while (going) {
      const due = Math.floor(((systemClock.monotonic() - begin) * ratePerSecond) / 1000);
      const batch = Array.from({ length: due - orders.length }, (_, i) => {
        return `ord-${String(orders.length + i)}`;
      });
      await bus.publish(batch.map(messageOf));
      orders.push(...batch);
      await systemClock.sleep(10);
    }
  };
  const done = run();
  return {
    async stop() {
      going = false;
      await done;
      return orders;
    },
  };
}

async function countAll(url: string, orders: readonly string[]): Promise<Record<Way, Count>> {
  const store = await openStore<HearerTables>({
    url,
    migrations: [...eventMigrations, ...hearerMigrations],
  });
  const effects = await store.db.selectFrom('effects').selectAll().execute();
  const sums = await store.db.selectFrom('sums').selectAll().execute();
  await store.close();
  const count = (way: Way): Count => {
    const mine = effects.filter((effect) => effect.way === way).map(({ order_id }) => order_id);
    const distinct = new Set(mine);
    return {
      effects: mine.length,
      again: mine.length - distinct.size,
      missing: orders.filter((orderId) => !distinct.has(orderId)).length,
      sum: sums.find((row) => row.way === way)?.orders ?? 0,
    };
  };
  return { nothing: count('nothing'), 'a key': count('a key'), inbox: count('inbox') };
}

const wayText: Record<Way, string> = {
  nothing: 'nothing',
  'a key': 'the order is the key of the effect',
  inbox: 'inbox',
};

function titleOf(plan: Plan, { kills, acksLost }: Played): string {
  return plan === 'killed'
    ? `${plans.killed.title}, ${String(kills)} times`
    : `${plans.acks.title}: ${String(acksLost)}`;
}

function table(played: Record<Plan, Played>): string {
  return markdownTable(
    ['what happens', 'against duplicates', 'orders', 'effects', 'happened again', 'missing', 'sum'],
    (['killed', 'acks'] as const).flatMap((plan) =>
      ways.map((way, i) => {
        const { orders, counts } = played[plan];
        const { effects, again, missing, sum } = counts[way];
        const what = i === 0 ? titleOf(plan, played[plan]) : '';
        return [what, wayText[way], orders, effects, again, missing, sum];
      }),
    ),
  );
}

function chart(played: Record<Plan, Played>): string {
  return barChart({
    title: 'Effects that happened again',
    legend: [
      [titleOf('killed', played.killed), 'bad'],
      [titleOf('acks', played.acks), 'late'],
    ],
    rows: ways.map((way) => ({
      label: wayText[way],
      bars: [
        { ink: 'bad', ...valueOf(played.killed.counts[way].again) },
        { ink: 'late', ...valueOf(played.acks.counts[way].again) },
      ],
    })),
  });
}

function valueOf(value: number): { value: number; text: string } {
  return { value, text: String(value) };
}
