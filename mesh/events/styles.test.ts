import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DishReady, Menu, PrepareDish } from '../../gen/bistro/kitchen/v1/messages.ts';
import { OrderConfirmed, OrderDeclined } from '../../gen/shop/orders/v1/events.ts';
import { systemClock } from '../kernel/clock.ts';
import { currentContext, runInContext } from '../kernel/context.ts';
import { createEventMeters, type EventMeters } from '../telemetry/event-meters.ts';
import {
  confirmed,
  createRig,
  declined,
  listen,
  type Rig,
  type RigTables,
} from '../testing/events-rig.ts';
import { eventually } from '../testing/eventually.ts';
import type { Bus } from './bus/bus.ts';
import { createMemoryBus } from './bus/memory.ts';
import { type EventContext, on } from './consume/handler.ts';
import { eventTables } from './tables.ts';

let bus: Bus;
let kitchen: Rig;
let metrics: EventMeters;
beforeEach(async () => {
  bus = createMemoryBus({ clock: systemClock });
  metrics = createEventMeters();
  kitchen = await createRig({ bus, source: 'kitchen', metrics });
  kitchen.events.start();
});
afterEach(async () => {
  await kitchen.close();
  await bus.close();
});

const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
const dish = (orderId: string): PrepareDish => ({ orderId, table: 'three', dish: 'soup' });

test('a command reaches the service that owns its channel', async () => {
  const seen: PrepareDish[] = [];
  await kitchen.events.subscribe({
    consumer: 'kitchen',
    handlers: [
      on(PrepareDish, async (command, { tx }) => {
        seen.push(command);
        await kitchen.effect(tx, command.orderId);
      }),
    ],
  });
  await kitchen.store.transaction((tx) => kitchen.events.send(tx, PrepareDish, dish('order-1')));
  await kitchen.hasEffects('order-1');
  expect(seen).toEqual([dish('order-1')]);
});

test('who does not own a command cannot handle it', async () => {
  const waiter = await createRig({ bus, source: 'waiter' });
  const handlers = [on<PrepareDish, RigTables>(PrepareDish, async () => undefined)];
  await expect(waiter.events.subscribe({ consumer: 'waiter', handlers })).rejects.toMatchObject({
    ...{ status: 'INVALID_ARGUMENT', reason: 'NOT_THE_OWNER' },
  });
  await waiter.close();
  const second = kitchen.events.subscribe({ consumer: 'second', handlers });
  await expect(second).rejects.toThrow('the consumer "kitchen" handles it, and not "second"');
});

test('commands are sent, events and documents published', async () => {
  const { events, store } = kitchen;
  const wrong = store.transaction((tx) => events.publish(tx, PrepareDish, dish('order-1')));
  await expect(wrong).rejects.toThrow('PrepareDish is a command (weft.v1.command): send it');
  const other = store.transaction((tx) => events.send(tx, OrderConfirmed, confirmed('order-1')));
  await expect(other).rejects.toThrow('OrderConfirmed is an event (weft.v1.event): publish it');
  const none = store.transaction((tx) => events.send(tx, DishReady, { orderId: 'a', cook: 'b' }));
  await expect(none).rejects.toMatchObject({ reason: 'NOT_AN_EVENT' });
});

test('of documents a new consumer hears the latest of each key', async () => {
  const { events, store } = kitchen;
  const menu = (name: string, edition: number): Promise<string> =>
    store.transaction((tx) => events.publish(tx, Menu, { menu: name, edition, dishes: [] }));
  await menu('lunch', 1);
  await menu('dinner', 1);
  await menu('lunch', 2);
  await eventually(async () => (await events.outbox()).unsent === 0);
  const seen: string[] = [];
  await events.subscribe({
    consumer: 'guests',
    handlers: [
      on(Menu, async ({ menu: name, edition }) => {
        seen.push(`${name} ${edition}`);
      }),
    ],
  });
  await eventually(() => seen.length === 2);
  expect(seen).toEqual(['dinner 1', 'lunch 2']);
});

test('what a handler publishes follows from what it handles, and belongs to its conversation', async () => {
  const told: Pick<EventContext<never>, 'id' | 'correlationId' | 'causationId'>[] = [];
  await kitchen.events.subscribe({
    consumer: 'kitchen',
    handlers: [
      on(OrderConfirmed, async ({ orderId }, { tx, id, correlationId }) => {
        expect(currentContext().cause).toEqual({ id, correlationId });
        await kitchen.events.publish(tx, OrderDeclined, declined(orderId));
      }),
      on(OrderDeclined, async (_, { id, correlationId, causationId }) => {
        told.push({ id, correlationId, causationId });
      }),
    ],
  });
  const first = await kitchen.confirm('order-1');
  await eventually(() => told.length === 1);
  expect(told).toMatchObject([{ correlationId: first, causationId: first }]);
  expect(told[0]?.id).not.toBe(first);
});

test('an event that comes too late is not handled, and the inbox says so', async () => {
  await kitchen.hear();
  const { events, store, spans } = kitchen;
  const expiresAt = systemClock.now() - 1;
  const late = await runInContext({ trace }, () =>
    store.transaction((tx) => events.publish(tx, OrderConfirmed, confirmed('late'), { expiresAt })),
  );
  await kitchen.confirm('order-1');
  await kitchen.hasEffects('order-1');
  const row = await eventTables(store.db)
    .selectFrom('weft_inbox')
    .select('outcome')
    .where('event_id', '=', late)
    .executeTakeFirst();
  expect(row).toEqual({ outcome: 'expired' });
  const outcomes = metrics.consumers.flatMap(({ handled }) => [...handled.keys()]);
  expect(outcomes.sort()).toEqual(['done', 'expired']);
  expect(spans.ofTrace(trace.traceId).map(({ status }) => status)).toContain('EXPIRED');
});

test('until when an event is wanted is the deadline of its handler', async () => {
  let left = Infinity;
  await kitchen.hear(async () => {
    left = (currentContext().deadline?.at ?? Infinity) - systemClock.monotonic();
  });
  const { events, store } = kitchen;
  const expiresAt = systemClock.now() + 20_000;
  await store.transaction((tx) =>
    events.publish(tx, OrderConfirmed, confirmed('order-1'), { expiresAt }),
  );
  await kitchen.hasEffects('order-1');
  expect(left).toBeLessThanOrEqual(20_000);
});

test('a CloudEvent of others, in JSON and structured, is handled like our own', async () => {
  await kitchen.hear();
  const event = {
    ...{ specversion: '1.0', id: '7', type: OrderConfirmed.$type, source: 'foreign' },
    data: {
      ...{ orderId: 'order-1', customerId: 'alice', lines: [{ sku: 'tea-1', quantity: 2 }] },
      total: { currencyCode: 'EUR', minorUnits: '500' },
    },
  };
  await bus.publish([
    {
      ...{ channel: 'shop-orders', subject: 'shop-orders.OrderConfirmed', id: '7' },
      headers: { 'content-type': 'application/cloudevents+json' },
      data: Buffer.from(JSON.stringify(event)),
    },
  ]);
  await kitchen.hasEffects('order-1');
  const seen = listen(bus, 'shop-orders', 'shop-orders.OrderConfirmed');
  await eventually(() => seen.length === 1);
});
