/**
 * "Far apart: more latency": an order goes through four desks that are 20, 80 and 200 ms (there and back) from
 * whoever takes orders, in three ways: all synchronous, the mandatory two synchronous, all by events.
 */
import { DeskServiceDefinition, PartDecided } from '#gen/flow/desk/v1/desk.ts';
import { type Client, type Closeable, closeClient, createClient, systemClock } from '#mesh';
import { createLaneTransport } from '../../mesh/rpc/lane/transport.ts';
import { createPlainTransport } from '../../mesh/rpc/plain/transport.ts';
import { createServer } from '../../mesh/rpc/server/server.ts';
import { weftImage } from '../../mesh/schema/image.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { startNats } from '../../mesh/testing/nats.ts';
import { percentile } from '../suite/stats.ts';
import { envelop, openBus } from './bus.ts';
import { type Claim, sources } from './claim.ts';
import { openLongWay } from './distance/long-way.ts';
import { markdownTable } from './document.ts';
import type { Experiment } from './experiment.ts';
import { barChart } from './plot.ts';

/** There and back, in ms. */
const distances = [0, 20, 80, 200] as const;
const orders = { full: 50, short: 8 };
const ways = ['synchronous', 'hybrid', 'events'] as const;
type Way = (typeof ways)[number];
/** How many of the four desks are asked while the customer waits. */
const asked: Readonly<Record<Way, number>> = { synchronous: 4, hybrid: 2, events: 0 };

interface Seen {
  readonly way: Way;
  readonly distanceMs: number;
  /** Until the customer has an answer, in ms. */
  readonly answered: number;
  /** Until all four desks have done their part, in ms. */
  readonly done: number;
}

export const distance: Experiment = {
  name: 'distance',
  async run(say, effort) {
    const seen: Seen[] = [];
    for (const distanceMs of distances) {
      say(`${String(distanceMs)} ms`);
      const place = await openPlace(distanceMs);
      try {
        for (const way of ways)
          seen.push(await play(place, way, { distanceMs, count: orders[effort] }));
      } finally {
        await place.close();
      }
    }
    const far = (way: Way): number => at(seen, way, 200).answered;
    return {
      claims: claimsOf(seen),
      bars: [
        { name: 'distance-events-answer-ms', value: far('events'), op: '<=', bar: 50, unit: 'ms' },
      ],
      data: seen,
      charts: { distance: chart(seen) },
      tables: { distance: table(seen) },
    };
  },
};

/** Four desks at a distance, called or told. */
interface Place extends Closeable {
  readonly desks: readonly Client<DeskServiceDefinition>[];
  /** Tells the desks from this one on; resolves when the broker, which is near, has stored it. */
  tell(orderId: string, from: number): Promise<void>;
  /** Desks that have done their part. */
  doneBy(orderId: string): number;
}

async function play(
  place: Place,
  way: Way,
  { distanceMs, count }: { readonly distanceMs: number; readonly count: number },
): Promise<Seen> {
  const answered: number[] = [];
  const done: number[] = [];
  for (let i = 0; i <= count; i++) {
    const orderId = `${way}-${String(distanceMs)}-${String(i)}`;
    const begin = systemClock.monotonic();
    for (const desk of place.desks.slice(0, asked[way]))
      await desk.doPart({ orderId, refusedBy: '' });
    if (asked[way] < 4) await place.tell(orderId, asked[way]);
    const answer = systemClock.monotonic() - begin;
    await eventually(() => place.doneBy(orderId) === 4, { everyMs: 1 });
    // The first one pays for the connections.
    if (i === 0) continue;
    answered.push(answer);
    done.push(systemClock.monotonic() - begin);
  }
  const middle = (values: readonly number[]): number =>
    Math.round(percentile(values, 0.5) * 10) / 10;
  return { way, distanceMs, answered: middle(answered), done: middle(done) };
}

async function openPlace(distanceMs: number): Promise<Place> {
  const parts = new Map<string, Set<number>>();
  const doPart = (orderId: string, desk: number): void => {
    parts.set(orderId, (parts.get(orderId) ?? new Set()).add(desk));
  };
  const opened: Closeable[] = [];
  const desks: Client<DeskServiceDefinition>[] = [];
  for (let desk = 0; desk < 4; desk++)
    desks.push(await openDesk(desk, distanceMs, { doPart, opened }));
  const nats = await startNats();
  const natsPort = Number(new URL(nats.url).port);
  const way = await openLongWay(natsPort, distanceMs);
  const near = openBus(nats.url);
  const far = openBus(`nats://127.0.0.1:${String(way.port)}`);
  const channel = 'flow-desks';
  await near.ensureChannel({ name: channel });
  for (let desk = 0; desk < 4; desk++) {
    const consumption = far.consume({
      ...{ channel: { name: channel }, consumer: `desk-${String(desk)}`, maxInFlight: 100 },
      subjects: [`${channel}.>`],
      onDelivery(delivery) {
        const { orderId, desk: from } = PartDecided.decode(delivery.data);
        if (desk >= Number(from)) doPart(orderId, desk);
        delivery.ack();
      },
    });
    opened.push(consumption);
  }
  return {
    desks,
    doneBy: (orderId) => parts.get(orderId)?.size ?? 0,
    async tell(orderId, from) {
      const told = { orderId, desk: String(from), done: true, refusedBy: '' };
      const data = PartDecided.encode(told).finish();
      const type = PartDecided.$type;
      const subject = `${channel}.PartDecided`;
      await near.publish([envelop({ channel, subject, key: orderId, type, data })]);
    },
    async close() {
      for (const each of opened.reverse()) await each.close();
      await Promise.all([near.close(), far.close()]);
      await way.close();
      await nats.close();
    },
  };
}

async function openDesk(
  desk: number,
  distanceMs: number,
  { doPart, opened }: { doPart: (orderId: string, desk: number) => void; opened: Closeable[] },
): Promise<Client<DeskServiceDefinition>> {
  const server = createServer({ image: weftImage() });
  server.add(DeskServiceDefinition, {
    doPart({ orderId }) {
      doPart(orderId, desk);
      return Promise.resolve({ done: true });
    },
    undoPart: () => Promise.resolve({}),
  });
  const { port } = await server.listen();
  const way = await openLongWay(port, distanceMs);
  const target = `desk-${String(desk)}`;
  const endpoint = {
    ...{ instanceId: `${target}-1`, service: target, host: '127.0.0.1', port: way.port },
    metadata: { 'weft-lane': '1' },
  };
  const client = createClient(DeskServiceDefinition, {
    target,
    transport: createLaneTransport({ plain: createPlainTransport() }),
    resolver: {
      watch(service, listener) {
        listener({ service, endpoints: [endpoint], stale: false });
        return { close: () => undefined };
      },
    },
  });
  opened.push(server, way, { close: () => closeClient(client) });
  return client;
}

function at(seen: readonly Seen[], way: Way, distanceMs: number): Seen {
  const found = seen.find((each) => each.way === way && each.distanceMs === distanceMs);
  if (found === undefined) throw new Error(`${way} was not played at ${String(distanceMs)} ms`);
  return found;
}

function claimsOf(seen: readonly Seen[]): readonly Claim[] {
  const setup =
    'Four desks behind a proxy that delays what passes, 0 to 200 ms there and back; a broker near whoever takes orders. Medians.';
  const answers = (way: Way): string =>
    distances.map((ms) => String(at(seen, way, ms).answered)).join(', ');
  const [near, far] = [at(seen, 'synchronous', 0), at(seen, 'synchronous', 200)];
  const ratio = (far.answered - near.answered) / 200;
  return [
    {
      claim: 'Far apart, calls in a row add up their ways.',
      ...{ source: sources.distributed, setup, held: ratio > 3.5 && ratio < 4.8 },
      result: `Four calls in a row answer after ${answers('synchronous')} ms at 0, 20, 80 and 200 ms: ${ratio.toFixed(1)} ways.`,
    },
    {
      claim: 'What is asynchronous does not wait for the way; only what decides the order does.',
      source: sources.interService,
      setup,
      held:
        at(seen, 'events', 200).answered < 50 &&
        at(seen, 'hybrid', 200).answered < far.answered / 1.5,
      result: `The hybrid answers after ${answers('hybrid')} ms, events after ${answers('events')} ms.`,
    },
    {
      claim: 'Far apart, everything done takes longer whatever the way, and events take it once.',
      ...{ source: sources.distributed, setup },
      held: at(seen, 'events', 200).done >= 100 && at(seen, 'events', 200).done < far.done / 2,
      result: `At 200 ms all four parts are done after ${String(far.done)} ms in a row, ${String(at(seen, 'events', 200).done)} ms by events.`,
    },
  ];
}

function table(seen: readonly Seen[]): string {
  return markdownTable(
    ['way', 'there and back ms', 'answered after ms', 'all four done after ms'],
    ways.flatMap((way) =>
      distances.map((ms) => {
        const { answered, done } = at(seen, way, ms);
        return [way, ms, answered, done];
      }),
    ),
  );
}

function chart(seen: readonly Seen[]): string {
  return barChart({
    title: 'How long a customer waits, by the distance between services',
    legend: [
      ['until the answer', 'good'],
      ['until all four desks are done', 'late'],
    ],
    rows: ways.flatMap((way) =>
      distances.map((ms) => {
        const { answered, done } = at(seen, way, ms);
        return {
          label: `${way}, ${String(ms)} ms`,
          bars: [
            { ink: 'good' as const, value: answered, text: `${String(answered)} ms` },
            { ink: 'late' as const, value: done, text: `${String(done)} ms` },
          ],
        };
      }),
    ),
  });
}
