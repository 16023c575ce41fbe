import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OrderConfirmed, OrderDeclined } from '../../../gen/shop/orders/v1/events.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { createRig, declined, listen, type Rig, type RigTables } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus, Delivery, Outgoing } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { eventTables } from '../tables.ts';
import { on } from './handler.ts';

// Waits are a hundredth of what they say.
const swift: Clock = { ...systemClock, after: (ms, task) => systemClock.after(ms / 100, task) };
const unavailable = new MeshError('payments is away', { status: 'UNAVAILABLE' });

let bus: Bus;
let rig: Rig;
beforeEach(async () => {
  bus = createMemoryBus({ clock: swift });
  rig = await createRig({ bus });
  rig.events.start();
});
afterEach(async () => {
  await rig.close();
  await bus.close();
});

test('what is delivered twice has one effect', async () => {
  await rig.hear();
  const doubling = await createRig({ bus: repeating(bus) });
  doubling.events.start();
  await doubling.confirm('order-1');
  await rig.hasEffects('order-1');
  await systemClock.sleep(30);
  expect(await rig.effects()).toEqual(['order-1']);
  await doubling.close();
});

test('an ack that is lost brings the event again, and not the effect', async () => {
  let lost = 0;
  const deaf: Bus = {
    ...bus,
    consume: (options) =>
      bus.consume({
        ...options,
        onDelivery(delivery) {
          if (delivery.deliveries > 2) options.onDelivery(delivery);
          else options.onDelivery({ ...delivery, ack: () => lost++ });
        },
      }),
  };
  const other = await createRig({ bus: deaf });
  await other.events.subscribe({
    ...{ consumer: 'warehouse', ackWaitMs: 5_000 },
    handlers: [on(OrderConfirmed, ({ orderId }, { tx }) => other.effect(tx, orderId))],
  });
  await rig.confirm('order-1');
  await eventually(() => lost === 2);
  await systemClock.sleep(100);
  expect(await other.effects()).toEqual(['order-1']);
  await other.close();
});

test('an effect of a handler that throws is rolled back, and the event comes again', async () => {
  const deliveries: number[] = [];
  await rig.hear(async ({ orderId }, context) => {
    deliveries.push(context.deliveries);
    await rig.effect(context.tx, `${orderId} half done`);
    if (deliveries.length < 3) throw new Error('no such shelf');
    await context.tx.deleteFrom('effects').execute();
  });
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  expect(deliveries).toEqual([1, 2, 3]);
});

test('after five failures an event becomes a dead letter, and others go on', async () => {
  let tries = 0;
  await rig.hear(async ({ orderId }) => {
    if (orderId !== 'poison') return;
    tries++;
    throw new MeshError('no such shelf:\n7', { status: 'NOT_FOUND', reason: 'NO_SHELF' });
  });
  const id = await rig.confirm('poison');
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  await eventually(async () => (await rig.deadLetters()).length === 1);
  expect(tries).toBe(5);
  const [letter] = await rig.deadLetters();
  expect(letter).toMatchObject({
    ...{ eventId: id, type: 'shop.orders.v1.OrderConfirmed', key: 'poison', failures: 5 },
    ...{ channel: 'shop-orders', subject: 'shop-orders.OrderConfirmed', sequence: 1 },
    ...{ source: 'orders', state: 'dead', replays: 0, replayedMs: undefined },
    headers: { 'ce-id': id, 'weft-key': 'poison' },
  });
  const failure = { status: 'NOT_FOUND', reason: 'NO_SHELF', message: 'no such shelf: 7' };
  const failures = letter?.lastFailures ?? [];
  expect(failures).toMatchObject([1, 2, 3, 4, 5].map((delivery) => ({ ...failure, delivery })));
  expect([letter?.firstFailedMs, letter?.diedMs]).toEqual([failures[0]?.atMs, failures[4]?.atMs]);
  expect(OrderConfirmed.decode(letter?.payload ?? new Uint8Array()).orderId).toBe('poison');
});

test('an outage lets the consumer wait, counts nothing, and loses nothing', async () => {
  let away = true;
  let tries = 0;
  await rig.hear(
    async () => {
      tries++;
      if (away) throw unavailable;
    },
    { pauseMs: 2, maxDeliveries: 1, concurrency: 4 },
  );
  const orders = Array.from({ length: 10 }, (_, i) => `order-${String(i)}`);
  for (const order of orders) await rig.confirm(order);
  // More failures than would be allowed if they counted.
  await eventually(() => tries > 6);
  away = false;
  await rig.hasEffects(...orders);
  expect(await rig.deadLetters()).toEqual([]);
  const counted = eventTables(rig.store.db).selectFrom('weft_failure').selectAll();
  expect(await counted.execute()).toEqual([]);
});

test('in an outage one handler at a time finds out whether it is over', async () => {
  let running = 0;
  let most = 0;
  let tries = 0;
  await rig.hear(
    async () => {
      most = tries >= 4 ? Math.max(most, ++running) : 0;
      tries++;
      await systemClock.sleep(2);
      running = Math.max(0, running - 1);
      if (tries < 9) throw unavailable;
    },
    { pauseMs: 2, concurrency: 4 },
  );
  const orders = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const order of orders) await rig.confirm(order);
  await eventually(() => tries >= 9);
  expect(most).toBe(1);
  await rig.hasEffects(...orders);
});

test('what cannot be read is a dead letter at once', async () => {
  await rig.hear();
  const type = 'shop.orders.v1.OrderConfirmed';
  await bus.publish([
    foreign('1', { 'ce-id': 'torn', 'ce-type': type }, new Uint8Array([0x0a, 0xff])),
    foreign('2', { 'ce-type': type }),
    foreign('3', { 'ce-id': 'x'.repeat(500), 'ce-type': type }),
    foreign('4', {}),
  ]);
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  await eventually(async () => (await rig.deadLetters()).length === 4);
  const letters = await rig.deadLetters();
  for (const { lastFailures } of letters) {
    expect(lastFailures).toMatchObject([{ reason: 'UNDECODABLE_EVENT', delivery: 1 }]);
  }
  // Without an id that could be a key the place says which one it is.
  expect(letters.map(({ eventId }) => eventId).sort()).toEqual([
    ...['shop-orders/2', 'shop-orders/3', 'shop-orders/4', 'torn'],
  ]);
});

test('another version of a type passes a handler by', async () => {
  await rig.hear();
  await bus.publish([foreign('1', { 'ce-id': 'v2', 'ce-type': 'shop.orders.v2.OrderConfirmed' })]);
  await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  expect(await rig.deadLetters()).toEqual([]);
});

test('a type that only a newer instance handles is left to it by the older one', async () => {
  const older = await createRig({ bus, clock: swift });
  const newer = await createRig({ bus, clock: swift });
  await newer.events.subscribe({
    consumer: 'warehouse',
    handlers: [on(OrderDeclined, ({ orderId }, { tx }) => newer.effect(tx, orderId))],
  });
  // Joins the same consumer; in memory the last one to join decides what it hears.
  await older.hear();
  const both = ['shop-orders.OrderConfirmed', 'shop-orders.OrderDeclined'];
  const channel = { name: 'shop-orders' };
  const onDelivery = (delivery: Delivery): void => delivery.nak();
  const wide = bus.consume({
    ...{ channel, consumer: 'warehouse', subjects: both, maxInFlight: 1, onDelivery },
  });
  await wide.close();
  await rig.store.transaction((tx) => rig.events.publish(tx, OrderDeclined, declined('order-1')));
  await newer.hasEffects('order-1');
  await newer.close();
  // The newer version is taken back: after a while nobody wants its events, and they block nothing.
  await rig.store.transaction((tx) => rig.events.publish(tx, OrderDeclined, declined('order-2')));
  await rig.confirm('order-3');
  await older.hasEffects('order-3');
  await older.close();
});

test('a handler that hangs is rolled back when its time is over, and that counts', async () => {
  let signalled = 0;
  await rig.hear(
    async ({ orderId }, { signal, tx }) => {
      if (orderId !== 'stuck') return;
      signal.addEventListener('abort', () => signalled++);
      await rig.effect(tx, 'of a handler that hung');
      await new Promise(() => undefined);
    },
    { handlerTimeoutMs: 20, maxDeliveries: 2 },
  );
  await rig.confirm('stuck');
  await rig.confirm('order-1');
  await eventually(async () => (await rig.deadLetters()).length === 1);
  await rig.hasEffects('order-1');
  const [letter] = await rig.deadLetters();
  expect(letter?.lastFailures.at(-1)?.reason).toBe('HANDLER_TIMEOUT');
  expect(signalled).toBe(2);
});

test('what the bus still brings to a consumer that closes goes back, and no handler runs behind its end', async () => {
  const brought: ((delivery: Delivery) => void)[] = [];
  let last: Delivery | undefined;
  const late: Bus = {
    ...bus,
    consume(options) {
      brought.push(options.onDelivery);
      return bus.consume({
        ...options,
        onDelivery(delivery) {
          last = delivery;
          options.onDelivery(delivery);
        },
      });
    },
  };
  const other = await createRig({ bus: late });
  const subscription = await other.hear();
  await rig.confirm('order-1');
  await other.hasEffects('order-1');
  const told: string[] = [];
  const closed = subscription.close();
  for (const [i, moment] of ['while', 'after'].entries()) {
    if (moment === 'after') await closed;
    if (last === undefined) throw new Error('nothing was delivered');
    const headers = { ...last.headers, 'ce-id': `late-${String(i)}` };
    const ack = (): void => void told.push(`${moment}: ack`);
    const nak = (): void => void told.push(`${moment}: nak`);
    brought[0]?.({ ...last, headers, ack, nak });
  }
  await systemClock.sleep(20);
  expect(told).toEqual(['while: nak', 'after: nak']);
  expect(await other.effects()).toEqual(['order-1']);
  await other.close();
});

test('one consumer handles several types; two consumers each have their effect', async () => {
  await rig.hear();
  await rig.events.subscribe({
    consumer: 'notifications',
    handlers: [
      on(OrderConfirmed, ({ orderId }, { tx }) => rig.effect(tx, orderId, 'notifications')),
      on(OrderDeclined, ({ orderId }, { tx }) => rig.effect(tx, orderId, 'notifications')),
    ],
  });
  await rig.confirm('order-1');
  await rig.store.transaction((tx) => rig.events.publish(tx, OrderDeclined, declined('order-2')));
  await eventually(async () => (await rig.effects('notifications')).length === 2);
  expect(await rig.effects('notifications')).toEqual(['order-1', 'order-2']);
  await rig.hasEffects('order-1');
});

test('handlers that publish do so once, whatever comes twice', async () => {
  const seen = listen(bus, 'shop-orders', 'shop-orders.OrderDeclined');
  let tries = 0;
  await rig.hear(async ({ orderId }, { tx }) => {
    await rig.events.publish(tx, OrderDeclined, declined(orderId));
    if (++tries < 3) throw new Error('after publishing');
  });
  await rig.confirm('order-1');
  await eventually(() => seen.length > 0);
  await systemClock.sleep(20);
  expect(seen.length).toBe(1);
});

test.each(['a.b', '*', '', 'a b'])('the consumer name %j is refused', async (consumer) => {
  const handlers = [on<OrderConfirmed, RigTables>(OrderConfirmed, async () => undefined)];
  const subscribing = rig.events.subscribe({ consumer, handlers });
  await expect(subscribing).rejects.toMatchObject({ reason: 'INVALID_TOKEN' });
});

test('two handlers for one type, or none at all, are refused', async () => {
  const handler = on<OrderConfirmed, RigTables>(OrderConfirmed, async () => undefined);
  for (const handlers of [[], [handler, handler]]) {
    const subscribing = rig.events.subscribe({ consumer: 'x', handlers });
    await expect(subscribing).rejects.toMatchObject({ reason: 'INVALID_HANDLERS' });
  }
});

function foreign(id: string, headers: Record<string, string>, data = new Uint8Array()): Outgoing {
  return { channel: 'shop-orders', subject: 'shop-orders.OrderConfirmed', id, headers, data };
}

/** A bus that stores everything twice, as if its memory of ids had run out. */
function repeating(inner: Bus): Bus {
  return {
    ...inner,
    async publish(messages, signal) {
      await inner.publish(
        messages.map((message) => ({ ...message, id: `${message.id} again` })),
        signal,
      );
      return inner.publish(messages, signal);
    },
  };
}
