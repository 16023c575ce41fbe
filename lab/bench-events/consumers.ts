import {
  type EventHandler,
  type Events,
  type Image,
  on,
  onRepeatable,
  systemClock,
  weftImage,
} from '#mesh';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import type { Bus, Outgoing } from '../../mesh/events/bus/bus.ts';
import type { RepeatableHandler } from '../../mesh/events/consume/handler.ts';
import { createEvents } from '../../mesh/events/events.ts';
import type { Store } from '../../mesh/store/store.ts';
import type { EffectTables } from './databases.ts';

/** Counts to a number, and tells when it is reached. */
export interface Goal {
  count(): void;
  readonly reached: Promise<void>;
}

export function goalOf(wanted: number): Goal {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let counted = 0;
  return {
    count() {
      if (++counted === wanted) resolve(undefined);
    },
    reached: promise.then(() => undefined),
  };
}

/** The events of a service on this store and bus. */
export function eventsOf<DB>(
  store: Store<DB>,
  bus: Bus,
  { image = weftImage(), relay = {} }: { image?: Image; relay?: { sentMs?: number } } = {},
): Events<DB> {
  return createEvents<DB>({ image, store, bus, source: 'orders', relay, clock: systemClock });
}

/** Does one row for each event, and counts it when its transaction has committed. */
export function withRow(store: Store<EffectTables>, goal: Goal): EventHandler<EffectTables> {
  return on(OrderConfirmed, async ({ orderId }, { tx }) => {
    await tx.insertInto('bench_effect').values({ order_id: orderId, place: 0 }).execute();
    store.onCommit(tx, () => {
      goal.count();
    });
  });
}

/** Does nothing but count. */
export function counting(goal: Goal): RepeatableHandler {
  return onRepeatable(OrderConfirmed, async () => {
    goal.count();
  });
}

/** Stores messages, some thousands at a time. */
export async function store(bus: Bus, messages: readonly Outgoing[]): Promise<void> {
  for (let from = 0; from < messages.length; from += 5_000) {
    const outcomes = await bus.publish(messages.slice(from, from + 5_000));
    if (outcomes.some(({ stored }) => !stored)) throw new Error('a message was not stored');
  }
}
