import { on, systemClock } from '#mesh';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { percentile, rounded } from '../../suite/stats.ts';
import { eventsOf } from '../consumers.ts';
import { type Database, openPostgresDatabase, openSqliteDatabase } from '../databases.ts';
import { sampleOrder } from '../messages.ts';
import { openBroker } from '../servers.ts';

/** From the end of the transaction that publishes to the beginning of the handler, one event at a time. */
export const latency: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const data: Record<string, object> = {};
    const figures: Record<string, number> = {};
    for (const open of [openSqliteDatabase, openPostgresDatabase]) {
      const database = await open();
      try {
        const bus = later(broker.newBus());
        const times = await commitToHandler(plan, database, bus);
        const found = Object.fromEntries(
          [0.5, 0.9, 0.99, 1].map((share) => [
            `p${share * 100}`,
            rounded(percentile(times, share)),
          ]),
        );
        plan.say(`  ${database.name}: ${JSON.stringify(found)} ms`);
        data[database.name] = found;
        for (const p of ['p50', 'p99']) {
          const name = `commit-to-handler-${p}-ms`;
          // The worse of the two databases is held against the bar.
          figures[name] = Math.max(figures[name] ?? 0, found[p] ?? Number.NaN);
        }
        await broker.empty();
      } finally {
        await database.close();
      }
    }
    return { figures, data: { ...data, settings: await broker.empty() } };
  });

async function commitToHandler(
  plan: Plan,
  { store }: Database,
  bus: Parameters<typeof eventsOf>[1],
): Promise<number[]> {
  const events = eventsOf(store, bus);
  const handled = new Map<string, (at: number) => void>();
  events.start();
  await events.subscribe({
    consumer: 'latency',
    handlers: [
      on(OrderConfirmed, async ({ orderId }) => {
        handled.get(orderId)?.(performance.now());
      }),
    ],
  });
  const times: number[] = [];
  const count = plan.quick ? 50 : 2_000;
  // The first are the compiler's, and those of the connections.
  for (let n = -Math.round(count / 5); n < count; n++) {
    const order = sampleOrder(n + count);
    const arrival = new Promise<number>((resolve) => handled.set(order.orderId, resolve));
    await store.transaction((tx) => events.publish(tx, OrderConfirmed, order));
    const committed = performance.now();
    const at = await arrival;
    if (n >= 0) times.push(Math.max(0, at - committed));
    // Neither in step with a poll nor with itself.
    await systemClock.sleep(3 + (Math.abs(n) % 7));
  }
  await events.close();
  return times;
}
