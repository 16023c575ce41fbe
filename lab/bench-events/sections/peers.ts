import { join } from 'node:path';
import { AckPolicy } from 'nats';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { installPackages } from '../../suite/install.ts';
import { closing, type Section } from '../../suite/section.ts';
import { counting, eventsOf, goalOf, store as storeAll } from '../consumers.ts';
import { contest, type Side, showContest, summaryOf, timed } from '../contest.ts';
import { type Database, openSqliteDatabase } from '../databases.ts';
import { channel, sampleMessages, sampleOrder } from '../messages.ts';
import { publishPlainly } from '../plain.ts';
import { type Broker, openBroker } from '../servers.ts';

const inFlight = 256;

/** Messages sent, stored, heard and acked, by handlers that remember nothing: weft and others. */
export const peers: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const database = later(await openSqliteDatabase());
    const count = plan.quick ? 500 : 10_000;
    const absent: Record<string, string> = {};
    const sides = [plainSide(broker, count), weftSide(broker, database, count)];
    try {
      await installPackages(plan, join(import.meta.dirname, '../peers'), 'peers-events');
      sides.push(await moleculerSide(broker, count, later));
    } catch (thrown) {
      absent['moleculer channels'] = String(thrown);
      plan.say(`  without moleculer channels: ${String(thrown)}`);
    }
    const found = await contest(sides, plan.quick ? 1 : 5);
    showContest(plan, found, 'plain client');
    const contests = { 'Sent, stored, heard and acked': summaryOf(found, 'plain client') };
    return { figures: {}, data: { contests, absent, settings: await broker.empty() } };
  });

let consumers = 0;

function plainSide(broker: Broker, count: number): Side {
  return {
    name: 'plain client',
    async block() {
      await broker.empty();
      const durable = `plain-${++consumers}`;
      const manager = await broker.plain.jetstreamManager();
      await manager.consumers.add(channel, {
        ...{ durable_name: durable, ack_policy: AckPolicy.Explicit },
        max_ack_pending: 2 * inFlight,
      });
      const goal = goalOf(count);
      const consumer = await broker.js.consumers.get(channel, durable);
      const heard = await consumer.consume({
        max_messages: inFlight,
        callback(message) {
          OrderConfirmed.decode(message.data);
          message.ack();
          goal.count();
        },
      });
      const messages = sampleMessages(count);
      const work = await timed(count, async () => {
        await publishPlainly(broker.js, messages, inFlight);
        await goal.reached;
      });
      await heard.close();
      await manager.consumers.delete(channel, durable);
      return work;
    },
  };
}

function weftSide(broker: Broker, { store }: Database, count: number): Side {
  return {
    name: 'weft',
    async block() {
      await broker.empty();
      const bus = broker.newBus();
      const events = eventsOf(store, bus);
      const goal = goalOf(count);
      await events.subscribe({
        ...{ consumer: `weft-${++consumers}`, inbox: false, concurrency: inFlight },
        handlers: [counting(goal)],
      });
      const messages = sampleMessages(count);
      const work = await timed(count, async () => {
        await storeAll(bus, messages);
        await goal.reached;
      });
      await events.close();
      await bus.close();
      return work;
    },
  };
}

/** Its serializer is JSON, and so are its messages. */
async function moleculerSide(
  broker: Broker,
  count: number,
  later: <C extends { close(): Promise<unknown> }>(opened: C) => C,
): Promise<Side> {
  // Once it is installed.
  const { openMoleculer } = await import('../peers/moleculer.mjs');
  let goal = goalOf(0);
  const moleculer = later(
    await openMoleculer(broker.server.url, () => {
      goal.count();
    }),
  );
  return {
    name: 'moleculer channels',
    block() {
      goal = goalOf(count);
      let next = 0;
      const one = async (): Promise<void> => {
        while (next < count) await moleculer.publish(plainOrder(next++));
      };
      return timed(count, async () => {
        await Promise.all(Array.from({ length: inFlight }, one));
        await goal.reached;
      });
    },
  };
}

function plainOrder(n: number): object {
  const { orderId, customerId, lines, total } = sampleOrder(n);
  return { orderId, customerId, lines, currency: total?.currencyCode, minor: 1000 + n };
}
