import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import type { Bus } from '../events/bus/bus.ts';
import { on } from '../events/consume/handler.ts';
import { eventTables } from '../events/tables.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Context, currentContext, runInContext } from '../kernel/context.ts';
import { confirmed, createRig, type Rig } from './events-rig.ts';
import { eventually } from './eventually.ts';

/** What a combination of bus and store can show beside what all of them promise. */
export interface Features {
  /** The broker can be stopped and started; undefined: there is none. */
  readonly restart?: () => Promise<void>;
}

export interface EventsBed {
  /** A bus on which no channel is yet. */
  bus(): Promise<Bus>;
  /** The URL of a new database. */
  url(): Promise<string>;
  readonly features: Features;
}

/** What events promise, whatever carries and keeps them; one sentence for each promise. */
export function eventsContract(name: string, bed: EventsBed): void {
  describe(name, () => {
    let bus: Bus;
    let url: string;
    const rigs: Rig[] = [];
    const newRig = async (): Promise<Rig> => {
      const rig = await createRig({ bus, url });
      rigs.push(rig);
      rig.events.start();
      return rig;
    };
    let rig: Rig;
    beforeEach(async () => {
      [bus, url] = [await bed.bus(), await bed.url()];
      rig = await newRig();
    });
    afterEach(async () => {
      for (const each of rigs.splice(0)) await each.close();
      await bus.close();
    });

    test('an event has its effect once at each of its consumers', async () => {
      await rig.hear();
      await rig.events.subscribe({
        consumer: 'mail',
        handlers: [on(OrderConfirmed, ({ orderId }, { tx }) => rig.effect(tx, orderId, 'mail'))],
      });
      await rig.confirm('order-1');
      await rig.hasEffects('order-1');
      await eventually(async () => (await rig.effects('mail')).length === 1);
    });

    test('what is rolled back was never published', async () => {
      await rig.hear();
      const failing = rig.store.transaction(async (tx) => {
        await rig.events.publish(tx, OrderConfirmed, confirmed('order-1'));
        throw new Error('after all not');
      });
      await expect(failing).rejects.toThrow('after all not');
      await rig.confirm('order-2');
      await rig.hasEffects('order-2');
    });

    test('a consumer that is added late hears what was published before', async () => {
      await rig.confirm('order-1');
      await rig.confirm('order-2');
      await rig.hear();
      await rig.hasEffects('order-1', 'order-2');
    });

    test('a handler that fails is given the event again, and leaves nothing of what it wrote', async () => {
      let tries = 0;
      await rig.hear(async ({ orderId }, { tx }) => {
        await rig.effect(tx, `${orderId} half done`);
        if (++tries < 3) throw new Error('no such shelf');
        await tx.deleteFrom('effects').execute();
      });
      await rig.confirm('order-1');
      await rig.hasEffects('order-1');
      expect(tries).toBe(3);
    });

    test('one at a time, events are handled in the order of their commits', async () => {
      const seen: string[] = [];
      const note = async ({ orderId }: { orderId: string }): Promise<void> => {
        seen.push(orderId);
      };
      await rig.hear(note, { concurrency: 1 });
      const orders = Array.from({ length: 30 }, (_, i) => `order-${String(i).padStart(2, '0')}`);
      for (const order of orders) await rig.confirm(order);
      await rig.hasEffects(...orders);
      expect(seen).toEqual(orders);
    });

    test('a subscription that is closed is followed by the next one, where it stood', async () => {
      const first = await rig.hear();
      await rig.confirm('order-1');
      await rig.hasEffects('order-1');
      await Promise.all([first.close(), first.close()]);
      await rig.confirm('order-2');
      await rig.hear();
      await rig.hasEffects('order-1', 'order-2');
    });

    test('baggage and tracestate reach the handler: later, again, and when a dead letter is replayed', async () => {
      const seen: Context[] = [];
      await rig.hear(
        () => {
          seen.push(currentContext());
          return seen.length < 3 ? Promise.reject(new Error('bad day')) : Promise.resolve();
        },
        { maxDeliveries: 2 },
      );
      const state = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';
      const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), state, flags: 0 };
      const baggage = new Map([['tenant', { value: 'Amélie, 100%', properties: 'ttl=60' }]]);
      const deliverAt = systemClock.now() + 50;
      await runInContext({ trace, baggage }, () =>
        rig.store.transaction((tx) =>
          rig.events.publish(tx, OrderConfirmed, confirmed('order-1'), { deliverAt }),
        ),
      );
      await eventually(async () => (await rig.deadLetters()).length === 1);
      await rig.events.deadLetters.replay({ filter: {} });
      await rig.hasEffects('order-1');
      expect(seen).toHaveLength(3);
      for (const context of seen) {
        expect(context.trace).toEqual({ ...trace, spanId: expect.not.stringMatching('b{16}') });
        expect(context.baggage).toEqual(baggage);
      }
    });

    test('a dead letter is replayed to its consumer, and has its effect once', async () => {
      let broken = true;
      const fail = (): Promise<void> =>
        broken ? Promise.reject(new Error('no such shelf')) : Promise.resolve();
      await rig.hear(fail, { maxDeliveries: 2 });
      await rig.confirm('order-1');
      await eventually(async () => (await rig.deadLetters()).length === 1);
      broken = false;
      await rig.events.deadLetters.replay({ filter: {} });
      await rig.hasEffects('order-1');
    });

    test('processes that share consumer and database share the events', async () => {
      const other = await newRig();
      await rig.hear();
      await other.hear();
      const orders = Array.from({ length: 40 }, (_, i) => `order-${String(i)}`);
      for (const order of orders) await rig.confirm(order);
      await rig.hasEffects(...orders);
    });

    test('many handlers at a time, of two consumers: each event has its effect once at each', async () => {
      let running = 0;
      let most = 0;
      await rig.hear(
        async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
        },
        { concurrency: 16 },
      );
      await rig.events.subscribe({
        ...{ consumer: 'mail', concurrency: 16 },
        handlers: [on(OrderConfirmed, ({ orderId }, { tx }) => rig.effect(tx, orderId, 'mail'))],
      });
      const orders = Array.from({ length: 60 }, (_, i) => `order-${String(i)}`);
      await Promise.all(orders.map((order) => rig.confirm(order)));
      await rig.hasEffects(...orders);
      await eventually(async () => (await rig.effects('mail')).length === orders.length);
      expect(most).toBeLessThanOrEqual(16);
    });

    test('what is sent again has one effect', async () => {
      await rig.hear();
      await rig.confirm('order-1');
      await rig.hasEffects('order-1');
      // As if the process had died between the ack and the note of it.
      const db = eventTables(rig.store.db);
      await db.updateTable('weft_outbox').set({ sent_at: null }).execute();
      await rig.confirm('order-2');
      await eventually(async () => (await rig.events.outbox()).unsent === 0);
      await rig.hasEffects('order-1', 'order-2');
    });

    test('an event that is delayed is not heard before its time, and others are', async () => {
      const dueMs = systemClock.now() + 700;
      let heardMs = 0;
      await rig.hear(async ({ orderId }) => {
        if (orderId === 'later') heardMs = systemClock.now();
      });
      await rig.store.transaction((tx) =>
        rig.events.publish(tx, OrderConfirmed, confirmed('later'), { deliverAt: dueMs }),
      );
      await rig.confirm('order-1');
      await rig.hasEffects('order-1', 'later');
      expect(heardMs).toBeGreaterThanOrEqual(dueMs);
    });

    const { restart } = bed.features;
    if (restart !== undefined) {
      test('a broker that is restarted finds publishers and consumers where they were', async () => {
        await rig.hear();
        await rig.confirm('order-1');
        await rig.hasEffects('order-1');
        await restart();
        await rig.confirm('order-2');
        await rig.hasEffects('order-1', 'order-2');
      });
    }
  });
}
