import { closing, type Plan, type Section } from '../../suite/section.ts';
import { median, rounded, spreadOf } from '../../suite/stats.ts';
import { eventsOf, goalOf, store as storeAll, withRow } from '../consumers.ts';
import { type Database, openPostgresDatabase, openSqliteDatabase } from '../databases.ts';
import { sampleMessages } from '../messages.ts';
import { type Broker, openBroker } from '../servers.ts';

// Handlers at a time: those that wait together share a commit.
const concurrency = 256;

/** Events that are there already, each with a row in the inbox and one row of effect, in one transaction. */
export const inbox: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const figures: Record<string, number> = {};
    const data: Record<string, object> = {};
    let settings = await broker.empty();
    for (const open of [openSqliteDatabase, openPostgresDatabase]) {
      const database = await open();
      try {
        const rates: number[] = [];
        for (let round = 0; round < (plan.quick ? 1 : 6); round++) {
          rates.push(await block(plan, broker, database));
        }
        // The first is the compiler's.
        const counted = plan.quick ? rates : rates.slice(1);
        data[database.name] = spreadOf(counted);
        plan.say(`  ${database.name}: ${Math.round(median(counted))}/s`);
        const name = database.name === 'SQLite' ? 'sqlite' : 'postgres';
        figures[`inbox-${name}-per-s`] = rounded(median(counted));
        settings = { ...settings, ...(await database.settings()) };
      } finally {
        await database.close();
      }
    }
    return { figures, data: { ...data, concurrency, settings } };
  });

let rounds = 0;

async function block(plan: Plan, broker: Broker, database: Database): Promise<number> {
  await broker.empty();
  const bus = broker.newBus();
  const count = plan.quick ? 1_000 : 10_000;
  const { store } = database;
  await storeAll(bus, sampleMessages(count));
  const events = eventsOf(store, bus);
  const goal = goalOf(count);
  const begin = performance.now();
  await events.subscribe({
    ...{ consumer: `inbox-${++rounds}`, concurrency },
    handlers: [withRow(store, goal)],
  });
  await goal.reached;
  const ms = performance.now() - begin;
  await events.close();
  await bus.close();
  const { length: effects } = await store.db.selectFrom('bench_effect').select('place').execute();
  if (effects !== count) throw new Error(`${effects} effects of ${count} events`);
  await store.db.deleteFrom('bench_effect').execute();
  return (1000 * count) / ms;
}
