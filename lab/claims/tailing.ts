/**
 * "An outbox is read by a polling publisher (simple; costs the database) or by log tailing": how soon an event leaves,
 * and what the database has to do for it, over PostgreSQL.
 */
import { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import { openStore, systemClock, systemRandom, weftImage } from '#mesh';
import { createEvents, type Events } from '../../mesh/events/events.ts';
import { eventMigrations } from '../../mesh/events/migrations.ts';
import type { RelayTuning } from '../../mesh/events/relaying.ts';
import { confirmed } from '../../mesh/testing/events-rig.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { startPostgres } from '../../mesh/testing/postgres.ts';
import { percentile } from '../suite/stats.ts';
import { type Broker, channel, openBroker, orderOf } from './bus.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';
import { barChart } from './plot.ts';
import { type DatabaseLoad, startDatabaseMeter } from './tailing/database-meter.ts';

/** How a relay learns that there is something to send. */
interface Way {
  readonly name: string;
  readonly relay: RelayTuning;
  /** Whether the process that writes is the one that relays, and so can wake its relay. */
  readonly writes: 'here' | 'elsewhere';
}

const ways: readonly Way[] = [
  ...[2000, 500, 100, 20].map((pollMs) => ({
    name: `polling every ${String(pollMs)} ms`,
    relay: { kind: 'poll', pollMs } as const,
    writes: 'elsewhere' as const,
  })),
  { name: 'woken after the commit', relay: { kind: 'poll' }, writes: 'here' },
  { name: 'log tailing', relay: { kind: 'log' }, writes: 'elsewhere' },
];

const ratePerSecond = 40;
/** How long nothing happens, and how long orders come, in ms. */
const lasts = { full: { idle: 3000, busy: 5000 }, short: { idle: 2500, busy: 2500 } };

interface Measured {
  /** From the commit to the consumer, in ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly idle: DatabaseLoad;
  readonly busy: DatabaseLoad;
}

export const tailing: Experiment = {
  name: 'tailing',
  async run(say, effort) {
    const broker = await openBroker();
    // Commits wait for the disk, as in life; the log tells of rows only when it is asked to.
    const postgres = await startPostgres({ fsync: 'on', wal_level: 'logical' });
    try {
      const measured = new Map<string, Measured>();
      for (const way of ways) {
        say(way.name);
        measured.set(way.name, await measure(way, { broker, postgres, lasts: lasts[effort] }));
      }
      const p50 = (name: string): number => measured.get(name)?.p50Ms ?? Number.NaN;
      return {
        bars: [
          // Two commits (the order's own is over by then) and two network hops on one machine.
          { name: 'tailing-woken-p50-ms', value: p50('woken after the commit'), ...within(10) },
          { name: 'tailing-log-p50-ms', value: p50('log tailing'), ...within(20) },
        ],
        claims: claimsOf(measured),
        data: Object.fromEntries(measured),
        charts: { tailing: chart(measured) },
        tables: { tailing: table(measured) },
      };
    } finally {
      await postgres.close();
      await broker.close();
    }
  },
};

function within(bar: number): { op: '<='; bar: number; unit: string } {
  return { op: '<=', bar, unit: 'ms' };
}

function claimsOf(measured: ReadonlyMap<string, Measured>): readonly Claim[] {
  const of = (name: string): Measured => {
    const found = measured.get(name);
    if (found === undefined) throw new Error(`${name} was not measured`);
    return found;
  };
  const [seldom, often, tail] = [
    of('polling every 2000 ms'),
    of('polling every 20 ms'),
    of('log tailing'),
  ];
  const source = sources.interprocess;
  const setup = `An outbox in PostgreSQL, ${String(ratePerSecond)} orders a second and none at all.`;
  const idle = ({ idle }: Measured): string =>
    `${String(idle.transactionsPerSecond)} transactions/s`;
  return [
    {
      claim: 'A polling publisher is simple, and costs the database.',
      ...{ source, setup },
      result: `Every 20 ms: p50 ${String(often.p50Ms)} ms, idle ${idle(often)}. Every 2 s: ${String(seldom.p50Ms)} ms, ${idle(seldom)}.`,
      held: often.idle.transactionsPerSecond > 10 * seldom.idle.transactionsPerSecond,
    },
    {
      claim: 'Log tailing is as soon and asks nothing.',
      ...{ source, setup },
      result: `p50 ${String(tail.p50Ms)} ms, idle ${idle(tail)}.`,
      held:
        tail.p50Ms <= often.p50Ms &&
        tail.idle.transactionsPerSecond < often.idle.transactionsPerSecond / 5,
    },
  ];
}

interface Bed {
  readonly broker: Broker;
  readonly postgres: { readonly url: string; readonly pid: number };
  readonly lasts: { readonly idle: number; readonly busy: number };
}

async function measure(way: Way, { broker, postgres, lasts: ms }: Bed): Promise<Measured> {
  const open = () => openStore<object>({ url: postgres.url, migrations: eventMigrations });
  const store = await open();
  const elsewhere = await open();
  const options = { image: weftImage(), bus: broker.bus, source: 'orders' };
  const relaying = createEvents<object>({ ...options, store, relay: way.relay });
  // Never started: it writes, and its bell rings for a relay that does not listen.
  const other = createEvents<object>({ ...options, store: elsewhere });
  const here = way.writes === 'here';
  const writer = here ? { events: relaying, store } : { events: other, store: elsewhere };
  const heard = listen(broker, way.name);
  try {
    relaying.start();
    await eventually(() => relaying.relay.kind === 'relaying', { withinMs: 30_000 });
    await heard.warmUp(writer);
    const idle = await startDatabaseMeter(postgres);
    await systemClock.sleep(ms.idle);
    const idleLoad = await idle();
    const busy = await startDatabaseMeter(postgres);
    const latencies = await heard.timed(writer, ms.busy);
    const busyLoad = await busy();
    return {
      p50Ms: tenths(percentile(latencies, 0.5)),
      p99Ms: tenths(percentile(latencies, 0.99)),
      idle: idleLoad,
      busy: busyLoad,
    };
  } finally {
    await heard.close();
    await other.close();
    await relaying.close();
    await elsewhere.close();
    await store.close();
  }
}

interface Writer {
  readonly events: Events<object>;
  readonly store: Awaited<ReturnType<typeof openStore<object>>>;
}

/** A consumer that notes when each order arrives, and the orders that it is to hear of. */
function listen({ bus }: Broker, name: string) {
  const arrived = new Map<string, number>();
  const prefix = name.replaceAll(' ', '-');
  const consumption = bus.consume({
    ...{ channel: { name: channel }, subjects: [`${channel}.>`], from: 'now', maxInFlight: 1000 },
    consumer: `${prefix}-${systemRandom.hex(3)}`,
    onDelivery(delivery) {
      arrived.set(orderOf(delivery), systemClock.monotonic());
      delivery.ack();
    },
  });
  const write = async ({ events, store }: Writer, orderId: string): Promise<number> => {
    await store.transaction((tx) => events.publish(tx, OrderConfirmed, confirmed(orderId)));
    return systemClock.monotonic();
  };
  const arrival = async (orderId: string): Promise<number> => {
    await eventually(() => arrived.has(orderId), { withinMs: 30_000, everyMs: 5 });
    return arrived.get(orderId) ?? Number.NaN;
  };
  return {
    close: () => consumption.close(),
    /** Until what is written is heard: the consumer exists, and the relay's code is compiled. */
    async warmUp(writer: Writer): Promise<void> {
      await eventually(() => consumption.state === 'consuming');
      for (let n = 0; n < 20; n++) await write(writer, `${prefix}-warm-${String(n)}`);
      await arrival(`${prefix}-warm-19`);
      // One more after a pause: only then do the backends tell the statistics of the others.
      await systemClock.sleep(1100);
      await write(writer, `${prefix}-warm-20`);
      await arrival(`${prefix}-warm-20`);
    },
    /** Orders for so long; how long each took from its commit, in ms. */
    async timed(writer: Writer, lastsMs: number): Promise<number[]> {
      const begin = systemClock.monotonic();
      const taken: Promise<number>[] = [];
      for (let n = 0; systemClock.monotonic() - begin < lastsMs; n++) {
        const orderId = `${prefix}-${String(n)}`;
        taken.push(
          write(writer, orderId).then(async (committed) => (await arrival(orderId)) - committed),
        );
        // By chance, so that no poll keeps step with it.
        await systemClock.sleep((2000 / ratePerSecond) * systemRandom.next());
      }
      return Promise.all(taken);
    },
  };
}

function tenths(value: number): number {
  // A consumer may have the event before the writer has heard that its commit is done.
  return Math.max(0, Math.round(value * 10) / 10);
}

function table(measured: ReadonlyMap<string, Measured>): string {
  return markdownTable(
    [
      'the relay learns of a row by',
      'commit to consumer, p50',
      'p99',
      'transactions a second, idle',
      `at ${String(ratePerSecond)} orders a second`,
      'CPU of the database, idle',
      `at ${String(ratePerSecond)} orders a second`,
    ],
    [...measured].map(([name, { p50Ms, p99Ms, idle, busy }]) => [
      ...[name, `${String(p50Ms)} ms`, `${String(p99Ms)} ms`],
      ...[idle.transactionsPerSecond, busy.transactionsPerSecond],
      ...[`${String(idle.cpuMsPerSecond)} ms/s`, `${String(busy.cpuMsPerSecond)} ms/s`],
    ]),
  );
}

function chart(measured: ReadonlyMap<string, Measured>): string {
  return barChart({
    title: 'From a commit to the consumer, and what it costs the database while nothing happens',
    legend: [
      ['p50 (log scale)', 'good'],
      ['p99', 'late'],
      ['transactions a second of an idle outbox', 'none'],
    ],
    scale: 'log',
    rows: [...measured].map(([label, { p50Ms, p99Ms, idle }]) => ({
      label,
      bars: [
        { ink: 'good', value: p50Ms, text: `${String(p50Ms)} ms` },
        { ink: 'late', value: p99Ms, text: `${String(p99Ms)} ms` },
        {
          ...{ ink: 'none', value: idle.transactionsPerSecond },
          text: `${String(idle.transactionsPerSecond)} /s`,
        },
      ],
    })),
  });
}
