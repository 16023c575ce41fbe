import { onRead } from '#mesh';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { closing, type Section } from '../../suite/section.ts';
import { counting, eventsOf, goalOf, store } from '../consumers.ts';
import { contest, over, type Side, showContest, summaryOf, timed } from '../contest.ts';
import { openSqliteDatabase } from '../databases.ts';
import { channel, sampleMessages } from '../messages.ts';
import { type Broker, openBroker } from '../servers.ts';

/** A channel from its beginning, read, beside the plain client's ordered consumer; and by a consumer that acks. */
export const replay: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const database = later(await openSqliteDatabase());
    const bus = later(broker.newBus());
    const count = plan.quick ? 2_000 : 50_000;
    const settings = await broker.empty();
    await store(bus, sampleMessages(count));
    const weft: Side = {
      name: 'weft',
      async block() {
        const events = eventsOf(database.store, bus);
        let seen = 0;
        const reader = onRead(OrderConfirmed, () => {
          seen++;
        });
        const work = await timed(count, () => {
          return events.read({ readers: [reader], toEnd: true }).ended;
        });
        if (seen !== count) throw new Error(`${String(seen)} of ${String(count)} were read`);
        await events.close();
        return work;
      },
    };
    let consumers = 0;
    const durable: Side = {
      name: 'weft, durable consumer',
      async block() {
        const events = eventsOf(database.store, bus);
        const goal = goalOf(count);
        const work = await timed(count, async () => {
          await events.subscribe({
            ...{ consumer: `replay-${++consumers}`, inbox: false, concurrency: 256 },
            handlers: [counting(goal)],
          });
          await goal.reached;
        });
        await events.close();
        return work;
      },
    };
    const sides = [orderedSide(broker, count), weft, durable];
    const found = await contest(sides, plan.quick ? 1 : 5);
    showContest(plan, found, 'ordered consumer');
    const contests = { 'A channel replayed': summaryOf(found, 'ordered consumer') };
    const figures = { 'replay-x': over(found, 'weft', 'ordered consumer').median };
    return { figures, data: { contests, settings } };
  });

/** Decodes each message, as weft does. */
function orderedSide(broker: Broker, count: number): Side {
  return {
    name: 'ordered consumer',
    block: () =>
      timed(count, async () => {
        const consumer = await broker.js.consumers.get(channel);
        const messages = await consumer.consume({ max_messages: 1_000 });
        let seen = 0;
        for await (const message of messages) {
          OrderConfirmed.decode(message.data);
          if (++seen === count) break;
        }
      }),
  };
}
