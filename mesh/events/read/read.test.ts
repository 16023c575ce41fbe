import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OrderConfirmed, OrderDeclined } from '../../../gen/shop/orders/v1/events.ts';
import { OrderShipped } from '../../../gen/shop/warehouse/v1/events.ts';
import { systemClock } from '../../kernel/clock.ts';
import { currentContext } from '../../kernel/context.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus, Outgoing } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { onRead } from './reader.ts';

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

const stored = (count: number): Promise<unknown> =>
  eventually(async () => (await bus.inspect('shop-orders'))?.lastSequence === count);
const confirm = async (...ids: readonly string[]): Promise<void> => {
  for (const id of ids) await rig.confirm(id);
  await eventually(async () => (await rig.events.outbox()).unsent === 0);
};
/** As others may write it. */
const foreign = (over: Partial<Outgoing>): Outgoing => ({
  ...{ channel: 'shop-orders', subject: 'shop-orders.OrderConfirmed', id: 'foreign' },
  headers: { 'ce-id': 'foreign', 'ce-type': 'shop.orders.v1.OrderConfirmed' },
  data: OrderConfirmed.encode(OrderConfirmed.fromPartial({ orderId: 'foreign' })).finish(),
  ...over,
});

test('a channel is read in its order, to its end, with what is known of each message', async () => {
  await confirm('a', 'b', 'c');
  const seen: unknown[] = [];
  const reading = rig.events.read({
    toEnd: true,
    readers: [
      onRead(OrderConfirmed, ({ orderId }, { sequence, key, source, id, correlationId, trace }) => {
        seen.push([sequence, orderId, key, source, id === correlationId]);
        expect(currentContext().trace).toEqual(trace);
        expect(currentContext().cause).toEqual({ id, correlationId });
      }),
    ],
  });
  await reading.ended;
  expect(seen).toEqual([
    [1, 'a', 'a', 'orders', true],
    [2, 'b', 'b', 'orders', true],
    [3, 'c', 'c', 'orders', true],
  ]);
  expect(reading.sequence).toBe(3);
});

test('it goes on with what comes, from the place it is given, and ends when it is closed', async () => {
  await confirm('a', 'b');
  const seen: string[] = [];
  const read = onRead(OrderConfirmed, ({ orderId }) => void seen.push(orderId));
  const reading = rig.events.read({ readers: [read], from: 2 });
  await eventually(() => seen.length === 1);
  await confirm('c');
  await eventually(() => seen.length === 2);
  await reading.close();
  await reading.ended;
  await confirm('d');
  expect(seen).toEqual(['b', 'c']);
});

test('one message is read at a time, and a reader that waits is waited for', async () => {
  await confirm(...Array.from({ length: 300 }, (_, i) => String(i)));
  let running = 0;
  const seen: string[] = [];
  const read = onRead(OrderConfirmed, async ({ orderId }) => {
    expect(++running).toBe(1);
    if (seen.length % 100 === 0) await systemClock.sleep(2);
    running--;
    seen.push(orderId);
  });
  await rig.events.read({ readers: [read], toEnd: true }).ended;
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => String(i)));
});

test('what a reader throws ends the reading, which can go on from there', async () => {
  await confirm('a', 'b', 'c');
  const seen: string[] = [];
  const fault = new Error('no room');
  const read = onRead(OrderConfirmed, ({ orderId }) => {
    if (orderId === 'b' && seen.length === 1) throw fault;
    seen.push(orderId);
  });
  const first = rig.events.read({ readers: [read] });
  await expect(first.ended).rejects.toBe(fault);
  expect(first.sequence).toBe(1);
  seen.push('again');
  await rig.events.read({ readers: [read], from: first.sequence + 1, toEnd: true }).ended;
  expect(seen).toEqual(['a', 'again', 'b', 'c']);
});

test('a message that cannot be read is DATA_LOSS, and says how to go on without it', async () => {
  await bus.ensureChannel({ name: 'shop-orders' });
  await bus.publish([foreign({ data: new Uint8Array([0xff]) })]);
  const reading = rig.events.read({ readers: [onRead(OrderConfirmed, () => undefined)] });
  await expect(reading.ended).rejects.toMatchObject({
    status: 'DATA_LOSS',
    reason: 'UNDECODABLE',
    message: expect.stringContaining('read from 2'),
  });
});

test('messages of others are read as they wrote them, in JSON too; types without a reader are passed over', async () => {
  await bus.ensureChannel({ name: 'shop-orders' });
  const headers = {
    ...{ 'ce-id': '2', 'ce-type': 'shop.orders.v1.OrderConfirmed' },
    'content-type': 'application/json',
  };
  await bus.publish([
    foreign({}),
    foreign({ id: '2', headers, data: Buffer.from('{"orderId":"json"}') }),
    foreign({ id: '3', subject: 'shop-orders.OrderDeclined' }),
    foreign({ id: '4', headers: { 'ce-id': '4', 'ce-type': 'shop.orders.v2.OrderConfirmed' } }),
  ]);
  await stored(4);
  const seen: unknown[] = [];
  const read = onRead(OrderConfirmed, ({ orderId }, { id }) => void seen.push([orderId, id]));
  const reading = rig.events.read({ readers: [read], toEnd: true });
  await reading.ended;
  expect(seen).toEqual([
    ['foreign', 'foreign'],
    ['json', '2'],
  ]);
  expect(reading.sequence).toBe(4);
});

test('a reading is of one channel, and of events', () => {
  const none = () => undefined;
  const refusal = expect.objectContaining({ status: 'INVALID_ARGUMENT' });
  const read =
    (...readers: ReturnType<typeof onRead>[]) =>
    () =>
      rig.events.read({ readers });
  expect(read()).toThrow(refusal);
  expect(read(onRead(OrderConfirmed, none), onRead(OrderShipped, none))).toThrow(refusal);
  expect(read(onRead(OrderConfirmed, none), onRead(OrderConfirmed, none))).toThrow(refusal);
  expect(read(onRead(OrderConfirmed, none), onRead(OrderDeclined, none))).not.toThrow();
});

test('closing the events ends what is read', async () => {
  const reading = rig.events.read({ readers: [onRead(OrderConfirmed, () => undefined)] });
  await rig.events.close();
  await reading.ended;
  await expect(reading.close()).resolves.toBeUndefined();
});
