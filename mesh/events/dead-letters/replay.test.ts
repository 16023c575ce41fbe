import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { on } from '../consume/handler.ts';
import { eventTables } from '../tables.ts';

// Waits are a hundredth of what they say.
const swift: Clock = { ...systemClock, after: (ms, task) => systemClock.after(ms / 100, task) };

let bus: Bus;
let rig: Rig;
beforeEach(async () => {
  bus = createMemoryBus({ clock: swift });
  rig = await createRig({ bus, clock: swift });
  rig.events.start();
});
afterEach(async () => {
  await rig.close();
  await bus.close();
});

/** The only letter, once there is one and it waits for a person. */
async function died(times = 1): Promise<string> {
  let id = '';
  await eventually(async () => {
    const [letter] = await rig.events.deadLetters.list({}, { limit: 1 });
    id = letter?.id ?? '';
    return letter?.replays === times - 1;
  });
  return id;
}

test('a replayed event has its effect once, at the consumer that gave it up and at no other', async () => {
  let broken = true;
  await rig.hear(async ({ orderId }) => {
    if (broken && orderId === 'poison') throw new Error('no such shelf');
  });
  await rig.events.subscribe({
    consumer: 'notifications',
    handlers: [
      on(OrderConfirmed, ({ orderId }, { tx }) => rig.effect(tx, orderId, 'notifications')),
    ],
  });
  await rig.confirm('poison');
  const id = await died();
  await eventually(async () => (await rig.effects('notifications')).length === 1);
  broken = false;
  await rig.events.deadLetters.replay({ ids: [id] });
  await rig.hasEffects('poison');
  const handled = async (): Promise<boolean> => {
    const [letter] = await rig.events.deadLetters.get([id]);
    return letter?.state === 'handled';
  };
  await eventually(handled);
  await systemClock.sleep(30);
  await rig.hasEffects('poison');
  expect(await rig.effects('notifications')).toEqual(['poison']);
});

test('a replayed event fails as often as a new one before it is given up again', async () => {
  let tries = 0;
  await rig.hear(
    () => {
      tries++;
      return Promise.reject(new Error('no such shelf'));
    },
    { maxDeliveries: 3 },
  );
  await rig.confirm('poison');
  const id = await died();
  expect(tries).toBe(3);
  await rig.events.deadLetters.replay({ ids: [id] });
  expect(await died(2)).toBe(id);
  expect(tries).toBe(6);
  const [letter] = await rig.events.deadLetters.get([id]);
  expect(letter).toMatchObject({ state: 'dead', failures: 3, replays: 1 });
});

test('what an instance took and did not live to settle comes again', async () => {
  const failing = (): Promise<never> => Promise.reject(new Error('no such shelf'));
  const subscription = await rig.hear(failing, { maxDeliveries: 1 });
  await rig.confirm('poison');
  const id = await died();
  await subscription.close();
  await rig.events.deadLetters.replay({ ids: [id] });
  const takenUntil = systemClock.now() + 50;
  await eventTables(rig.store.db)
    .updateTable('weft_parked')
    .set({ held_until: takenUntil })
    .execute();
  await rig.hear();
  await rig.hasEffects('poison');
  expect(systemClock.now()).toBeGreaterThanOrEqual(takenUntil);
});
