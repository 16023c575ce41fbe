/**
 * A service that hears every order in three ways at the same time, each a consumer of its own: with nothing
 * against repeated deliveries, with the order as the key of its effect, and with weft's inbox.
 */
import { OrderConfirmed } from '#gen/shop/orders/v1/events.ts';
import { on, openStore, systemRandom, type Transaction, weftImage } from '#mesh';
import type { Delivery } from '../../../mesh/events/bus/bus.ts';
import { createEvents } from '../../../mesh/events/events.ts';
import { eventMigrations } from '../../../mesh/events/migrations.ts';
import { channel, openBus, orderOf } from '../bus.ts';
import { childOptions, tellReady } from '../child.ts';
import { consumers, type HearerTables, hearerMigrations, hearerOptions, type Way } from './ways.ts';

const ackWaitMs = 500;
const inHand = 16;

const { store: url, nats, fatal } = childOptions(hearerOptions);
const store = await openStore<HearerTables>({
  url,
  migrations: [...eventMigrations, ...hearerMigrations],
});
const bus = openBus(nats);
// Whoever starts this waits for it: it must not die before it said that it lives.
let armed = false;

/** The effect of an order: a row, and one more in a sum. */
async function effect(tx: Transaction<HearerTables>, orderId: string, way: Way): Promise<void> {
  await tx.insertInto('effects').values({ order_id: orderId, way }).execute();
  await tx
    .updateTable('sums')
    .set(({ eb }) => ({ orders: eb('orders', '+', 1) }))
    .where('way', '=', way)
    .execute();
  store.onCommit(tx, () => {
    if (armed && systemRandom.next() < fatal) process.kill(process.pid, 'SIGKILL');
  });
}

/** As one writes it by hand: the effect, its commit, the ack. */
function hear(way: Exclude<Way, 'inbox'>, handle: (delivery: Delivery) => Promise<void>): void {
  bus.consume({
    ...{ channel: { name: channel }, subjects: [`${channel}.>`], ackWaitMs, maxInFlight: inHand },
    consumer: consumers[way],
    onDelivery(delivery) {
      void handle(delivery).then(
        () => delivery.ack(),
        () => delivery.nak(),
      );
    },
  });
}

hear('nothing', (delivery) => store.grouped((tx) => effect(tx, orderOf(delivery), 'nothing')));
hear('a key', (delivery) =>
  store.grouped(async (tx) => {
    const order_id = orderOf(delivery);
    const added = await tx
      .insertInto('keyed_effects')
      .values({ order_id })
      .onConflict((conflict) => conflict.column('order_id').doNothing())
      .executeTakeFirst();
    if (added.numInsertedOrUpdatedRows === 1n) await effect(tx, order_id, 'a key');
  }),
);
const events = createEvents<HearerTables>({
  ...{ image: weftImage(), store, bus, source: 'warehouse' },
});
await events.subscribe({
  ...{ consumer: consumers.inbox, ackWaitMs, concurrency: inHand },
  handlers: [
    on<OrderConfirmed, HearerTables>(OrderConfirmed, ({ orderId }, { tx }) =>
      effect(tx, orderId, 'inbox'),
    ),
  ],
});
tellReady();
armed = true;
