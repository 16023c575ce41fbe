import { type EventHandler, type Image, on, onRepeatable, weftImage } from '#mesh';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import type { Outgoing } from '../../../mesh/events/bus/bus.ts';
import { subjectOf } from '../../../mesh/events/bus/subject.ts';
import type { RepeatableHandler } from '../../../mesh/events/consume/handler.ts';
import type { Store } from '../../../mesh/store/store.ts';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { median, rounded, spreadOf } from '../../suite/stats.ts';
import { eventsOf, type Goal, goalOf, store as storeAll } from '../consumers.ts';
import { type Database, type EffectTables, openSqliteDatabase } from '../databases.ts';
import { channel, sampleMessages, sampleOrder } from '../messages.ts';
import { type Broker, openBroker } from '../servers.ts';

const partitions = 8;
const keys = 400;

/** Events of 400 keys in 8 partitions, each handled after the one before it of its key; the order is checked. */
export const partitionsSection: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const database = later(await openSqliteDatabase());
    const figures: Record<string, number> = {};
    const data: Record<string, object> = {};
    const kinds = [
      ['partitions-8-per-s', false],
      ['partitions-8-inbox-per-s', true],
    ] as const;
    for (const [name, remembers] of kinds) {
      const rates: number[] = [];
      for (let round = 0; round < (plan.quick ? 1 : 5); round++) {
        rates.push(await block(plan, { broker, database, remembers }));
      }
      const counted = plan.quick ? rates : rates.slice(1);
      plan.say(`  ${remembers ? 'with' : 'without'} inbox: ${Math.round(median(counted))}/s`);
      figures[name] = rounded(median(counted));
      data[name] = spreadOf(counted);
    }
    const settings = { ...(await broker.empty()), ...(await database.settings()) };
    return { figures, data: { ...data, keys, settings } };
  });

let consumers = 0;

async function block(
  plan: Plan,
  { broker, database, remembers }: { broker: Broker; database: Database; remembers: boolean },
): Promise<number> {
  await broker.empty();
  const { store } = database;
  const bus = broker.newBus();
  const count = plan.quick ? 2_000 : 20_000;
  await storeAll(bus, dividedMessages(count));
  const events = eventsOf(store, bus, { image: divided(weftImage()) });
  const goal = goalOf(count);
  const check = orderCheck(goal);
  const consumer = `partitions-${++consumers}`;
  const begin = performance.now();
  if (remembers) {
    await events.subscribe({ consumer, concurrency: 256, handlers: [withEffect(store, check)] });
  } else {
    const handlers: RepeatableHandler[] = [
      onRepeatable(OrderConfirmed, async ({ orderId, customerId }) => {
        check(orderId, Number(customerId));
      }),
    ];
    await events.subscribe({ consumer, concurrency: 256, inbox: false, handlers });
  }
  await goal.reached;
  const ms = performance.now() - begin;
  await events.close();
  await bus.close();
  await store.db.deleteFrom('bench_effect').execute();
  return (1000 * count) / ms;
}

function withEffect(
  store: Store<EffectTables>,
  check: (key: string, place: number) => void,
): EventHandler<EffectTables> {
  return on(OrderConfirmed, async ({ orderId, customerId }, { tx }) => {
    const place = Number(customerId);
    await tx.insertInto('bench_effect').values({ order_id: orderId, place }).execute();
    store.onCommit(tx, () => {
      check(orderId, place);
    });
  });
}

/** Throws when a key's events do not come in the order in which they were published. */
function orderCheck(goal: Goal): (key: string, place: number) => void {
  const last = new Map<string, number>();
  return (key, place) => {
    if (place <= (last.get(key) ?? -1)) {
      console.error(`${key}: ${place} came after ${last.get(key)}`);
      process.exit(1);
    }
    last.set(key, place);
    goal.count();
  };
}

/** The schema with the channel of orders divided. */
function divided(image: Image): Image {
  const route = (name: string): ReturnType<Image['event']> => {
    const event = image.event(name);
    return event?.channel === channel ? { ...event, partitions } : event;
  };
  return { ...image, event: route };
}

function dividedMessages(count: number): Outgoing[] {
  return sampleMessages(count, keys).map((message, n) => {
    const key = `order-${n % keys}`;
    const order = { ...sampleOrder(n), orderId: key, customerId: String(n) };
    const route = { channel, partitions, kind: 'event' } as const;
    return {
      ...message,
      subject: subjectOf(route, 'shop.orders.v1.OrderConfirmed', key),
      data: OrderConfirmed.encode(order).finish(),
    };
  });
}
