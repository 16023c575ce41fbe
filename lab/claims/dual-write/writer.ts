/**
 * A service that writes orders and tells of them, in three ways at the same time, so that a kill finds all
 * three in the same moment. Of each way a few orders are on their way at a time, as in a service at work.
 */
import { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import { openStore, systemClock, systemRandom, weftImage } from '#mesh';
import { createEvents } from '../../../mesh/events/events.ts';
import { eventMigrations } from '../../../mesh/events/migrations.ts';
import { confirmed } from '../../../mesh/testing/events-rig.ts';
import { messageOf, openBus } from '../bus.ts';
import { childOptions, tellReady } from '../child.ts';
import {
  leaseMs,
  orderIdOf,
  type Way,
  type WriterTables,
  ways,
  writerMigrations,
  writerOptions,
} from './ways.ts';

const atATime = 12;
/** Between two orders of a line, in ms, at most. */
const pauseMs = 15;

const { store: url, nats, life } = childOptions(writerOptions);
const store = await openStore<WriterTables>({
  url,
  migrations: [...eventMigrations, ...writerMigrations],
});
const bus = openBus(nats);
const events = createEvents<WriterTables>({
  ...{ image: weftImage(), store, bus, source: 'orders', relay: { leaseMs } },
});
events.start();

const write = (orderId: string, way: Way): Promise<unknown> =>
  store.grouped((tx) => tx.insertInto('written').values({ order_id: orderId, way }).execute());

const publish = async (orderId: string): Promise<void> => {
  const [outcome] = await bus.publish([messageOf(orderId)]);
  if (outcome?.stored !== true) throw new Error(`${orderId} was not published`);
};

const place: Record<Way, (orderId: string) => Promise<unknown>> = {
  async 'row, then publish'(orderId) {
    await write(orderId, 'row, then publish');
    await publish(orderId);
  },
  async 'publish, then row'(orderId) {
    await publish(orderId);
    await write(orderId, 'publish, then row');
  },
  outbox: (orderId) =>
    store.grouped(async (tx) => {
      await tx.insertInto('written').values({ order_id: orderId, way: 'outbox' }).execute();
      await events.publish(tx, OrderConfirmed, confirmed(orderId));
    }),
};

async function line(way: Way, number: number): Promise<never> {
  for (let n = 0; ; n++) {
    await place[way](orderIdOf(life, way, `${String(number)}-${String(n)}`));
    await systemClock.sleep(systemRandom.next() * pauseMs);
  }
}

// Connected and compiled before the life begins that is cut short.
await Promise.all(ways.map((way) => place[way](orderIdOf(life, way, 'first'))));
const lines = ways.flatMap((way) => Array.from({ length: atATime }, (_, i) => line(way, i)));
tellReady();
await Promise.all(lines);
