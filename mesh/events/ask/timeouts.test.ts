import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DishReady, PrepareDish } from '../../../gen/bistro/kitchen/v1/messages.ts';
import { systemClock } from '../../kernel/clock.ts';
import { currentContext, runInContext } from '../../kernel/context.ts';
import { createRig, type Rig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { exchange } from './exchange.ts';
import { onReply } from './on-reply.ts';

const preparation = exchange(PrepareDish, DishReady);

let bus: Bus;
let waiter: Rig;
beforeEach(async () => {
  bus = createMemoryBus({ clock: systemClock });
  waiter = await createRig({ bus, source: 'waiter' });
  waiter.events.start();
});
afterEach(async () => {
  await waiter.close();
  await bus.close();
});

const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state: 'rojo=1' };
const baggage = new Map([['tenant', { value: 'Amélie' }]]);

test('a timeout that its handler cannot handle is a dead letter, once; its replay ends the question', async () => {
  let broken = true;
  let tries = 0;
  await waiter.events.subscribe({
    ...{ consumer: 'waiter', retryMs: 5, maxDeliveries: 2 },
    handlers: [
      onReply(preparation, async ({ kind }, { request, tx }) => {
        tries++;
        expect(kind).toBe('timeout');
        // It is part of the work that asked.
        expect(currentContext()).toMatchObject({
          baggage,
          trace: { ...trace, spanId: expect.any(String) },
        });
        if (broken) throw new Error('not today');
        await waiter.effect(tx, request.orderId);
      }),
    ],
  });
  const dish = { orderId: 'order-1', table: 'three', dish: 'soup' };
  await runInContext({ trace, baggage }, () =>
    waiter.store.transaction((tx) => waiter.events.ask(tx, preparation, dish, { timeoutMs: 1 })),
  );
  const { deadLetters } = waiter.events;
  await eventually(async () => (await deadLetters.waiting()).get('replies-waiter') === 1);
  // Two looks for what is late: it is not found again.
  await systemClock.sleep(1_100);
  expect(tries).toBe(2);
  broken = false;
  await deadLetters.replay({ filter: { consumer: 'replies-waiter' } });
  await waiter.hasEffects('order-1');
  expect(tries).toBe(3);
});
