import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { collectAll } from '../../suite/garbage.ts';
import { closing, type Section } from '../../suite/section.ts';
import { rounded } from '../../suite/stats.ts';
import { eventsOf, type Goal, goalOf, withRow } from '../consumers.ts';
import { openSqliteDatabase } from '../databases.ts';
import { sampleOrder } from '../messages.ts';
import { openBroker } from '../servers.ts';

/** What a million events leave behind, from outbox to inbox: memory that does not come back is a leak, however slow. */
export const heap: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const database = later(await openSqliteDatabase());
    const bus = later(broker.newBus());
    const { store } = database;
    const events = later(eventsOf(store, bus, { relay: { sentMs: 1_000 } }));
    let goal: Goal = goalOf(0);
    events.start();
    await events.subscribe({
      ...{ consumer: 'heap', concurrency: 256 },
      handlers: [withRow(store, { ...goal, count: () => goal.count() })],
    });
    let sent = 0;
    const sendOn = async (until: number): Promise<number> => {
      while (sent < until) {
        const some = Math.min(1_000, until - sent);
        goal = goalOf(some);
        await store.transaction(async (tx) => {
          for (let i = 0; i < some; i++)
            await events.publish(tx, OrderConfirmed, sampleOrder(sent++));
        });
        await goal.reached;
      }
      const used = await heapNow();
      plan.say(`  ${rounded(used / 2 ** 20)} MiB after ${sent} events`);
      return used;
    };
    const [first, last] = plan.quick ? [2_000, 6_000] : [200_000, 1_000_000];
    const early = await sendOn(first);
    const late = await sendOn(last);
    return { figures: { 'heap-1e6-x': rounded(late / early) }, data: { early, late } };
  });

/** Twice, with a pause: finalizers free what the first collection found. */
async function heapNow(): Promise<number> {
  await collectAll();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await collectAll();
  return process.memoryUsage().heapUsed;
}
