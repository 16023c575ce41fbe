import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { weftImage } from '../schema/image.ts';
import type { Store } from '../store/store.ts';
import { confirmed, createRig, type RigTables } from '../testing/events-rig.ts';
import type { Bus } from './bus/bus.ts';
import { createMemoryBus } from './bus/memory.ts';
import { on } from './consume/handler.ts';
import { createEvents } from './events.ts';

/**
 * What a crash, a cut connection or a broker of short memory does, told by what it leaves behind. Each
 * list is used up in order, one entry for each time the place is passed; then all goes well, so that every
 * run can come to its end.
 */
interface Faults {
  /** Not sent; sent and the acks lost; half of it acked; stored twice under other ids. */
  readonly publish: readonly ('fine' | 'unsent' | 'ack lost' | 'half' | 'twice')[];
  /** The transaction of relay or inbox: not begun; committed, and the answer lost. */
  readonly transaction: readonly ('fine' | 'not begun' | 'answer lost')[];
  /** The ack does not arrive; the message arrives twice at the same moment. */
  readonly delivery: readonly ('fine' | 'ack lost' | 'twice')[];
  /** The handler fails after its effect. */
  readonly handler: readonly ('fine' | 'throws' | 'outage')[];
}

const often = <T extends string>(...kinds: readonly T[]): fc.Arbitrary<('fine' | T)[]> =>
  fc.array(fc.constantFrom('fine' as const, ...kinds), { maxLength: 8 });
const faults: fc.Arbitrary<Faults> = fc.record({
  publish: often('unsent', 'ack lost', 'half', 'twice'),
  transaction: often('not begun', 'answer lost'),
  delivery: often('ack lost', 'twice'),
  handler: often('throws', 'outage'),
});
const orders = fc.array(fc.constantFrom('commits', 'rolls back'), { minLength: 1, maxLength: 12 });

const away = new MeshError('cut', { status: 'UNAVAILABLE' });
// Waits are a two-hundredth of what they say: a run has many of them.
const swift: Clock = {
  ...systemClock,
  after: (ms, task) => systemClock.after(ms / 200, task),
  sleep: (ms, signal) => systemClock.sleep(ms / 200, signal),
};

test('whatever is cut and wherever: no event is lost, none has two effects, none comes from an abort', async () => {
  await fc.assert(
    fc.asyncProperty(orders, faults, async (fates, { publish, transaction, delivery, handler }) => {
      const bus = createMemoryBus({ clock: swift });
      const rig = await createRig({ bus });
      const handled = [...handler];
      const faulty = createEvents<RigTables>({
        ...{ image: weftImage(), source: 'orders', clock: swift },
        store: faultyStore(rig.store, [...transaction]),
        bus: faultyBus(bus, { publish: [...publish], delivery: [...delivery] }),
      });
      faulty.start();
      await faulty.subscribe({
        ...{
          consumer: 'warehouse',
          maxDeliveries: 100,
          retryMs: 50,
          pauseMs: 50,
          ackWaitMs: 1_000,
        },
        handlers: [
          on(OrderConfirmed, async ({ orderId }, { tx }) => {
            await rig.effect(tx, orderId);
            const fate = handled.shift();
            if (fate === 'throws') throw new Error('a fault of the handler');
            if (fate === 'outage') throw away;
          }),
        ],
      });
      const committed: string[] = [];
      for (const [i, fate] of fates.entries()) {
        const id = `order-${String(i)}`;
        const attempt = rig.store.transaction(async (tx) => {
          await faulty.publish(tx, OrderConfirmed, confirmed(id));
          if (fate === 'rolls back') throw new Error('after all not');
        });
        await attempt.then(
          () => committed.push(id),
          () => undefined,
        );
      }
      await rig.hasEffects(...committed);
      // What is still on its way must not have another effect.
      await systemClock.sleep(30);
      await rig.hasEffects(...committed);
      expect(await rig.deadLetters()).toEqual([]);
      await faulty.close();
      await rig.close();
    }),
    { numRuns: 60, endOnFailure: true },
  );
}, 30_000);

function faultyStore(store: Store<RigTables>, faults: string[]): Store<RigTables> {
  return {
    ...store,
    async transaction(work, signal) {
      const fault = faults.shift();
      if (fault === 'not begun') throw away;
      const result = await store.transaction(work, signal);
      if (fault === 'answer lost') throw away;
      return result;
    },
  };
}

function faultyBus(bus: Bus, faults: { publish: string[]; delivery: string[] }): Bus {
  return {
    ...bus,
    async publish(messages) {
      const fault = faults.publish.shift();
      if (fault === 'unsent') throw away;
      if (fault === 'twice') {
        await bus.publish(messages.map((message) => ({ ...message, id: `${message.id}'` })));
      }
      const half = Math.ceil(messages.length / 2);
      const outcomes = await bus.publish(fault === 'half' ? messages.slice(0, half) : messages);
      if (fault === 'ack lost') throw away;
      return messages.map((_, i) => outcomes[i] ?? { stored: false, error: away });
    },
    consume: (options) =>
      bus.consume({
        ...options,
        onDelivery(delivery) {
          const fault = faults.delivery.shift();
          options.onDelivery(
            fault === 'ack lost' ? { ...delivery, ack: () => undefined } : delivery,
          );
          if (fault === 'twice') options.onDelivery(delivery);
        },
      }),
  };
}
