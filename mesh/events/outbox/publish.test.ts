import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Money } from '../../../gen/shop/money/v1/money.ts';
import { OrderConfirmed, OrderDeclined } from '../../../gen/shop/orders/v1/events.ts';
import { systemClock } from '../../kernel/clock.ts';
import { runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import { weftImage } from '../../schema/image.ts';
import {
  confirmed,
  createRig,
  declined,
  listen,
  type Rig,
  type RigTables,
} from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { partitionOf } from '../bus/subject.ts';
import { on } from '../consume/handler.ts';

const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };

let bus: Bus;
let rig: Rig;
beforeEach(async () => {
  bus = createMemoryBus({ clock: systemClock });
  rig = await createRig({ bus });
  rig.events.start();
});
afterEach(async () => {
  await rig.close();
  await bus.close();
});

test('an event reaches its handler with what is known of it', async () => {
  const seen: unknown[] = [];
  await rig.hear(async (event, { id, source, key, deliveries }) => {
    seen.push([event, { id, source, key, deliveries }]);
  });
  const id = await rig.confirm('order-1');
  await rig.hasEffects('order-1');
  expect(seen).toEqual([
    [confirmed('order-1'), { id, source: 'orders', key: 'order-1', deliveries: 1 }],
  ]);
});

test('on the wire it is a CloudEvent in binary mode', async () => {
  const seen = listen(bus, 'shop-orders', 'shop-orders.OrderConfirmed');
  const id = await rig.confirm('order-1');
  await eventually(() => seen.length === 1);
  expect(seen[0]?.headers).toMatchObject({
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-type': 'shop.orders.v1.OrderConfirmed',
    'ce-source': 'orders',
    'ce-time': expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    'content-type': 'application/protobuf',
    'weft-key': 'order-1',
    traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
  });
  expect(OrderConfirmed.decode(seen[0]?.data ?? new Uint8Array())).toEqual(confirmed('order-1'));
});

test('an event of a channel with partitions reaches its handler from whichever it is in', async () => {
  const image = weftImage();
  const divided = {
    channel: 'shop-orders',
    keyField: 'orderId',
    partitions: 8,
    kind: 'event',
  } as const;
  const other = await createRig({ bus, image: { ...image, event: () => divided } });
  other.events.start();
  await other.hear();
  const ids = Array.from({ length: 20 }, (_, i) => `order-${String(i)}`);
  for (const id of ids) await other.confirm(id);
  await other.hasEffects(...ids);
  const seen = listen(
    bus,
    'shop-orders',
    `shop-orders.${partitionOf('order-7', 8)}.OrderConfirmed`,
  );
  await eventually(() => seen.some(({ headers }) => headers['weft-key'] === 'order-7'));
  await other.close();
});

test('a transaction that rolls back publishes nothing and leaves no span', async () => {
  await rig.hear();
  const attempt = rig.store.transaction(async (tx) => {
    await runInContext({ trace }, () => rig.events.publish(tx, OrderConfirmed, confirmed('no')));
    throw new Error('after all not');
  });
  await expect(attempt).rejects.toThrow('after all not');
  await rig.confirm('yes');
  await rig.hasEffects('yes');
  expect(rig.spans.ofTrace(trace.traceId)).toEqual([]);
});

test('events of one outbox are delivered in the order in which they were published', async () => {
  const seen: string[] = [];
  await rig.hear(
    async ({ orderId }) => {
      seen.push(orderId);
    },
    { concurrency: 1 },
  );
  const ids = Array.from({ length: 30 }, (_, i) => `order-${String(i)}`);
  for (const id of ids) await rig.confirm(id);
  await rig.hasEffects(...ids);
  expect(seen).toEqual(ids);
});

test('an event that breaks the rules of its schema is refused with every field at fault', async () => {
  const attempt = rig.store.transaction((tx) =>
    rig.events.publish(tx, OrderConfirmed, { ...confirmed('../../etc'), customerId: '' }),
  );
  await expect(attempt).rejects.toMatchObject({
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_FIELDS',
    details: { violations: [{ field: 'order_id' }, { field: 'customer_id' }] },
  });
});

test('a message that the schema does not call an event is refused, published or handled', async () => {
  const attempt = rig.store.transaction((tx) =>
    rig.events.publish(tx, Money, Money.fromPartial({})),
  );
  const refusal = { status: 'INVALID_ARGUMENT', reason: 'NOT_AN_EVENT' };
  await expect(attempt).rejects.toMatchObject(refusal);
  const handlers = [on<Money, RigTables>(Money, async () => undefined)];
  const subscribing = rig.events.subscribe({ consumer: 'x', handlers });
  await expect(subscribing).rejects.toMatchObject(refusal);
});

test('an event that no broker would take is refused before it blocks the outbox', async () => {
  const attempt = rig.store.transaction((tx) =>
    rig.events.publish(tx, OrderDeclined, {
      ...declined('order-1'),
      reason: 'x'.repeat(2_000_000),
    }),
  );
  await expect(attempt).rejects.toMatchObject({ reason: 'EVENT_TOO_LARGE' });
});

test('a row that the bus refuses does not hold up the others', async () => {
  await rig.hear();
  const refusing: Bus = {
    ...bus,
    publish: async (messages) => {
      const error = new MeshError('the channel is full', { status: 'RESOURCE_EXHAUSTED' });
      const good = messages.filter(({ headers }) => headers['weft-key'] !== 'bad');
      await bus.publish(good);
      return messages.map(({ headers }) =>
        headers['weft-key'] === 'bad'
          ? { stored: false, error }
          : { stored: true, sequence: 1, duplicate: false },
      );
    },
  };
  const other = await createRig({ bus: refusing });
  other.events.start();
  await other.confirm('bad');
  await other.confirm('good');
  await rig.hasEffects('good');
  await other.close();
});

test('an event that is delayed leaves when its time has come, and others meanwhile', async () => {
  const seen: string[] = [];
  await rig.hear(async ({ orderId }) => {
    seen.push(orderId);
  });
  const deliverAt = systemClock.now() + 700;
  await rig.store.transaction((tx) =>
    rig.events.publish(tx, OrderConfirmed, confirmed('later'), { deliverAt }),
  );
  await rig.confirm('now');
  await rig.hasEffects('now', 'later');
  expect(seen).toEqual(['now', 'later']);
  expect(systemClock.now()).toBeGreaterThanOrEqual(deliverAt);
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 1e16])(
  'an event cannot be delayed until %p',
  async (deliverAt) => {
    const attempt = rig.store.transaction((tx) =>
      rig.events.publish(tx, OrderConfirmed, confirmed('order-1'), { deliverAt }),
    );
    await expect(attempt).rejects.toMatchObject({
      ...{ status: 'INVALID_ARGUMENT', reason: 'DELIVER_AT' },
    });
  },
);
