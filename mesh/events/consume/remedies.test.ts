import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { eventTables } from '../tables.ts';
import { neverRetry } from './blame.ts';
import { onRepeatable } from './handler.ts';

// Waits are a hundredth of what they say.
const swift: Clock = { ...systemClock, after: (ms, task) => systemClock.after(ms / 100, task) };

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

test('what waits long waits in the database: the bus holds nothing back, and others go on', async () => {
  const parking = await createRig({ bus, clock: swift });
  let tries = 0;
  const subscription = await parking.hear(
    async ({ orderId }) => {
      if (orderId === 'poison' && ++tries < 4) throw new Error('no such shelf');
    },
    // So long that each wait is parked, and so few in hand that a message held back would stop the rest.
    { retryMs: 20_000, concurrency: 1 },
  );
  parking.events.start();
  await parking.confirm('poison');
  const orders = Array.from({ length: 10 }, (_, i) => `order-${String(i)}`);
  for (const order of orders) await parking.confirm(order);
  await eventually(async () => (await parking.effects()).length >= 10);
  expect(await subscription.parked()).toBe(1);
  await systemClock.sleep(50);
  await rewind(parking);
  await parking.hasEffects('poison', ...orders);
  expect(await subscription.parked()).toBe(0);
  expect(await parking.deadLetters()).toEqual([]);
  await parking.close();
});

/** Makes due at once whatever is parked, now and in the next moments. */
async function rewind({ store }: Rig): Promise<void> {
  const db = eventTables(store.db);
  while ((await db.selectFrom('weft_parked').select('id').execute()).length > 0) {
    await db.updateTable('weft_parked').set({ not_before: 0 }).execute();
    await systemClock.sleep(5);
  }
}

test('what the handler calls hopeless, and what breaks a rule, is a dead letter at once', async () => {
  const tries: string[] = [];
  await rig.hear(async ({ orderId }) => {
    tries.push(orderId);
    if (orderId === 'hopeless') throw neverRetry(new Error('no such shelf'));
    if (orderId === 'invalid') throw new MeshError('x', { status: 'INVALID_ARGUMENT' });
  });
  for (const order of ['hopeless', 'invalid', 'order-1']) await rig.confirm(order);
  await rig.hasEffects('order-1');
  await eventually(async () => (await rig.deadLetters()).length === 2);
  expect(tries.sort()).toEqual(['hopeless', 'invalid', 'order-1']);
});

test('without inbox nothing is written where a handler succeeds, and failures count all the same', async () => {
  const seen: string[] = [];
  await rig.events.subscribe({
    ...{ consumer: 'cache', inbox: false, retryMs: 5 },
    handlers: [
      onRepeatable(OrderConfirmed, async ({ orderId }) => {
        seen.push(orderId);
        if (orderId === 'poison') throw new Error('no such shelf');
      }),
    ],
  });
  await rig.confirm('poison');
  await rig.confirm('order-1');
  await eventually(async () => (await rig.deadLetters('cache')).length === 1);
  expect(seen.filter((order) => order === 'poison').length).toBe(5);
  expect(seen).toContain('order-1');
  const inbox = await eventTables(rig.store.db).selectFrom('weft_inbox').selectAll().execute();
  expect(inbox.map(({ outcome }) => outcome)).toEqual(['dead']);
});
