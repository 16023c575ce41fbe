/**
 * "Publishing must be part of the database transaction": a service writes an order and tells of it, row first,
 * event first, or both in one transaction with the outbox, and is killed again and again.
 */
import { join } from 'node:path';
import { openStore, systemClock, systemRandom, weftImage } from '#mesh';
import { createEvents } from '../../mesh/events/events.ts';
import { eventMigrations } from '../../mesh/events/migrations.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type Broker, openBroker, storedOrders } from './bus.ts';
import { startChild } from './child.ts';
import { type Claim, sources } from './claim.ts';
import { markdownTable } from './document.ts';
import { type Count, countAll } from './dual-write/count.ts';
import {
  leaseMs,
  type Way,
  type WriterOptions,
  type WriterTables,
  ways,
  writerMigrations,
} from './dual-write/ways.ts';
import type { Experiment } from './experiment.ts';
import { barChart } from './plot.ts';

const kills = { full: 200, short: 20 };
/** Processes that live and die beside each other, each with a database of its own. */
const beside = 4;
/** How long a life lasts once it is at work, in ms. */
const life = { atLeastMs: 50, atMostMs: 300 };

export const dualWrite: Experiment = {
  name: 'dual-write',
  async run(say, effort) {
    const broker = await openBroker();
    try {
      const each = kills[effort] / beside;
      say(`${String(kills[effort])} times kill -9`);
      const lanes = Array.from({ length: beside }, (_, i) => liveAndDie(broker, `w${i}`, each));
      const rows = (await Promise.all(lanes)).flat();
      const counts = countAll(rows, await storedOrders(broker));
      return {
        bars: [
          { name: 'dual-write-outbox-lost', value: counts.outbox.lost, ...none },
          { name: 'dual-write-outbox-phantoms', value: counts.outbox.phantoms, ...none },
          { name: 'dual-write-outbox-doubled', value: counts.outbox.doubled, ...none },
        ],
        claims: claimsOf(counts, kills[effort]),
        data: { kills: kills[effort], counts },
        charts: { 'dual-write': chart(counts, kills[effort]) },
        tables: { 'dual-write': table(counts, kills[effort]) },
      };
    } finally {
      await broker.close();
    }
  },
};

const none = { op: '<=', bar: 0, unit: 'events' } as const;

function claimsOf(counts: Readonly<Record<Way, Count>>, times: number): readonly Claim[] {
  const source = sources.interprocess;
  const setup = `A service writes rows and publishes in three ways at once; kill -9, ${String(times)} times.`;
  const [rowFirst, eventFirst] = [counts['row, then publish'], counts['publish, then row']];
  const { lost, phantoms, doubled, events } = counts.outbox;
  return [
    {
      claim: 'Publishing must be part of the database transaction.',
      ...{ source, setup, held: rowFirst.lost > 0 && eventFirst.phantoms > 0 },
      result: `Row first: ${String(rowFirst.lost)} events lost. Event first: ${String(eventFirst.phantoms)} events of no order.`,
    },
    {
      claim: 'A transactional outbox makes it so.',
      ...{ source, setup, held: lost + phantoms + doubled === 0 },
      result: `Of ${String(events)} events ${String(lost)} lost, ${String(phantoms)} of no order, ${String(doubled)} twice.`,
    },
  ];
}

/** So many lives on one database, then one that may finish what they left; gives all rows. */
async function liveAndDie(
  { url: nats, bus, folder }: Broker,
  name: string,
  lives: number,
): Promise<readonly WriterTables['written'][]> {
  const url = `sqlite:${join(folder, `${name}.db`)}`;
  for (let n = 0; n < lives; n++) {
    const options: WriterOptions = { store: url, nats, life: `${name}-${n}` };
    const writer = await startChild('dual-write/writer.ts', options);
    const { atLeastMs, atMostMs } = life;
    await systemClock.sleep(atLeastMs + systemRandom.next() * (atMostMs - atLeastMs));
    await writer.kill();
  }
  const store = await openStore<WriterTables>({
    url,
    migrations: [...eventMigrations, ...writerMigrations],
  });
  const events = createEvents({
    ...{ image: weftImage(), store, bus, source: 'orders', relay: { leaseMs } },
  });
  events.start();
  await eventually(async () => (await events.outbox()).unsent === 0, { withinMs: 60_000 });
  await events.close();
  const rows = await store.db.selectFrom('written').selectAll().execute();
  await store.close();
  return rows;
}

function table(counts: Record<Way, Count>, killed: number): string {
  return markdownTable(
    ['way', 'kill -9', 'orders', 'events', 'events lost', 'events of no order', 'events doubled'],
    ways.map((way) => {
      const { rows, events, lost, phantoms, doubled } = counts[way];
      return [way, killed, rows, events, lost, phantoms, doubled];
    }),
  );
}

function chart(counts: Record<Way, Count>, killed: number): string {
  return barChart({
    title: `Events that are wrong after ${String(killed)} times kill -9`,
    legend: [
      ['lost: an order of which nobody was told', 'bad'],
      ['phantom: an event of no order', 'late'],
    ],
    rows: ways.map((way) => ({
      label: way,
      bars: [
        { ink: 'bad', value: counts[way].lost, text: String(counts[way].lost) },
        { ink: 'late', value: counts[way].phantoms, text: String(counts[way].phantoms) },
      ],
    })),
  });
}
