/**
 * "Competing receivers lose order; sharded channels keep it per key": turns of many players, taken by a consumer of one
 * process that handles one at a time, by competing ones, and by ones that share partitions.
 */
import { join } from 'node:path';
import { openStore, systemClock } from '#mesh';
import { eventMigrations } from '../../mesh/events/migrations.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type Broker, openBroker } from './bus.ts';
import { startChild } from './child.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Effort, Experiment } from './experiment.ts';
import { type Count, countTurns } from './ordering/count.ts';
import {
  type MemberOptions,
  type TurnTables,
  turnMigrations,
  turnsOf,
  type Way,
  ways,
} from './ordering/turns.ts';
import { barChart } from './plot.ts';

const players = 20;
const turnsEach = { full: 200, short: 60 };
const members: Readonly<Record<Way, number>> = { 'one at a time': 1, competing: 2, partitions: 2 };
/** The share of turns that fail the first time, where there are faults. */
const failures = 0.02;

interface Counted extends Count {
  /** From the first effect to the last. */
  readonly perSecond: number;
}

interface Both {
  readonly calm: Counted;
  /** Some handlers fail, and one process is killed and started again. */
  readonly faults: Counted;
}

export const ordering: Experiment = {
  name: 'ordering',
  async run(say, effort) {
    const found = new Map<Way, Both>();
    for (const way of ways) {
      say(wayText[way]);
      const calm = await play(way, 'calm', effort);
      found.set(way, { calm, faults: await play(way, 'faults', effort) });
    }
    const { calm, faults } = found.get('partitions') ?? missing();
    return {
      bars: [
        { name: 'ordering-partitions-out-of-order', value: calm.outOfOrder, ...none },
        { name: 'ordering-partitions-out-of-order-faults', value: faults.outOfOrder, ...none },
        { name: 'ordering-partitions-missing', value: calm.missing + faults.missing, ...none },
      ],
      claims: claimsOf(found),
      data: Object.fromEntries(found),
      charts: { ordering: chart(found) },
      tables: { ordering: table(found) },
    };
  },
};

const none = { op: '<=', bar: 0, unit: 'turns' } as const;

function claimsOf(found: ReadonlyMap<Way, Both>): readonly Claim[] {
  const { calm, faults } = found.get('partitions') ?? missing();
  const competing = found.get('competing') ?? missing();
  const source = sources.interprocess;
  const setup = `${String(players)} players take numbered turns, two processes work on them; calm, then with faults and a kill.`;
  return [
    {
      claim: 'Competing receivers lose order.',
      ...{ source, setup, held: competing.calm.outOfOrder > 0 },
      result: `${String(competing.calm.outOfOrder)} of ${String(competing.calm.turns)} turns out of order with nothing wrong.`,
    },
    {
      claim: 'Sharded channels keep it per key, also as members come and go.',
      ...{ source, setup, held: calm.outOfOrder + faults.outOfOrder + faults.missing === 0 },
      result: `${String(calm.outOfOrder)} out of order, ${String(faults.outOfOrder)} with faults, ${String(faults.missing)} missing.`,
    },
  ];
}

function missing(): never {
  throw new Error('partitions were not played');
}

async function play(way: Way, kind: keyof Both, effort: Effort): Promise<Counted> {
  const broker = await openBroker();
  const url = `sqlite:${join(broker.folder, 'scores.db')}`;
  const store = await openStore<TurnTables>({
    url,
    migrations: [...eventMigrations, ...turnMigrations],
  });
  const messages = turnsOf(way, players, turnsEach[effort]);
  await publishAll(broker, messages);
  const options: MemberOptions = {
    ...{ way, store: url, nats: broker.url },
    failures: kind === 'faults' ? failures : 0,
  };
  const start = () => startChild('ordering/member.ts', options);
  const rows = async (): Promise<number> =>
    (await store.db.selectFrom('turns').select('place').execute()).length;
  const watch = watchProgress(rows, messages.length);
  const running = await Promise.all(Array.from({ length: members[way] }, start));
  try {
    if (kind === 'faults') {
      await eventually(async () => (await rows()) > messages.length / 4, { withinMs: 60_000 });
      await running[0]?.kill();
      running[0] = await start();
    }
    const ms = await watch;
    const perSecond = Math.round((1000 * messages.length) / ms);
    const effects = await store.db.selectFrom('turns').selectAll().orderBy('place').execute();
    return { ...countTurns(effects, messages.length), perSecond };
  } finally {
    await Promise.all(running.map((member) => member.kill()));
    await store.close();
    await broker.close();
  }
}

async function publishAll(
  { bus }: Broker,
  messages: readonly Parameters<Broker['bus']['publish']>[0][number][],
): Promise<void> {
  const [first] = messages;
  if (first !== undefined) await bus.ensureChannel({ name: first.channel });
  await bus.publish(messages);
}

/** From the first row to the last, in ms. */
async function watchProgress(rows: () => Promise<number>, all: number): Promise<number> {
  await eventually(async () => (await rows()) > 0, { withinMs: 60_000, everyMs: 10 });
  const begin = systemClock.monotonic();
  await eventually(async () => (await rows()) >= all, { withinMs: 120_000, everyMs: 20 });
  return systemClock.monotonic() - begin;
}

const wayText: Record<Way, string> = {
  'one at a time': 'one process, one at a time',
  competing: 'two processes compete',
  partitions: 'two processes, 8 partitions',
};

function table(found: ReadonlyMap<Way, Both>): string {
  return markdownTable(
    ['consumer', 'what happens', 'turns', 'out of order', 'again', 'missing', 'a second'],
    [...found].flatMap(([way, both]) =>
      (['calm', 'faults'] as const).map((kind) => {
        const { turns, outOfOrder, again, missing: lost, perSecond } = both[kind];
        const [label, what] =
          kind === 'calm'
            ? [wayText[way], 'nothing']
            : ['', '2 % fail once, one process is killed'];
        return [label, what, turns, outOfOrder, again, lost, perSecond];
      }),
    ),
  );
}

function chart(found: ReadonlyMap<Way, Both>): string {
  return barChart({
    title: 'Turns whose effect came after that of a later turn of the same player',
    legend: [
      ['nothing happens', 'late'],
      ['2 % fail once, and a process is killed', 'bad'],
    ],
    rows: [...found].map(([way, { calm, faults }]) => ({
      label: wayText[way],
      bars: [
        {
          ...{ ink: 'late', value: calm.outOfOrder },
          text: `${String(calm.outOfOrder)} of ${String(calm.turns)}, ${String(calm.perSecond)} a second`,
        },
        {
          ...{ ink: 'bad', value: faults.outOfOrder },
          text: `${String(faults.outOfOrder)} of ${String(faults.turns)}`,
        },
      ],
    })),
  });
}
