import assert from 'node:assert/strict';
import { OrderConfirmed, OrderDeclined } from '../../gen/shop/orders/v1/events.ts';
import type { Bus, Delivery } from '../events/bus/bus.ts';
import { type EventContext, on } from '../events/consume/handler.ts';
import type { Subscription } from '../events/consume/subscription.ts';
import type { DeadLetter } from '../events/dead-letters/letter.ts';
import { createEvents, type Events, type EventsOptions } from '../events/events.ts';
import { eventMigrations } from '../events/migrations.ts';
import type { ConsumerOptions } from '../events/subscribe.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { weftImage } from '../schema/image.ts';
import type { Transaction } from '../store/sql.ts';
import { openStore, type Store } from '../store/store.ts';
import { createSpanRing, type SpanRing } from '../telemetry/spans.ts';
import { eventually } from './eventually.ts';

/** What the tests of events write beside the tables of the room: one row for each effect. */
export interface RigTables {
  effects: { order_id: string; consumer: string };
}

/** One service with a database, ready to publish orders and to count what its handlers did. */
export interface Rig {
  readonly events: Events<RigTables>;
  readonly store: Store<RigTables>;
  readonly spans: SpanRing;
  /** Publishes OrderConfirmed for this order in a transaction of its own; resolves with the event id. */
  confirm(orderId: string): Promise<string>;
  /** The effect of a handler: a row, not guarded by any key, so that a second one would be seen. */
  effect(tx: Transaction<RigTables>, orderId: string, consumer?: string): Promise<void>;
  /** The orders that had an effect, sorted; one that had it twice is there twice. */
  effects(consumer?: string): Promise<string[]>;
  /** Waits until these orders have had their effect, and expects that no other had one. */
  hasEffects(...orderIds: string[]): Promise<void>;
  /** The dead letters of a consumer, oldest first. Default: "warehouse". */
  deadLetters(consumer?: string): Promise<readonly DeadLetter[]>;
  /** The consumer "warehouse", with short waits; leaves an effect after `before` has had its say. */
  hear(before?: ConfirmedHandler, options?: HearOptions): Promise<Subscription>;
  close(): Promise<void>;
}

export type ConfirmedHandler = (
  event: OrderConfirmed,
  context: EventContext<RigTables>,
) => Promise<void>;

export type HearOptions = Partial<Omit<ConsumerOptions, 'consumer'>>;

export interface RigOptions extends Partial<Omit<EventsOptions<RigTables>, 'bus' | 'store'>> {
  readonly bus: Bus;
  /** Default: a database in memory. */
  readonly url?: string;
  readonly clock?: Clock;
  /** The store as the events see it. Default: as it is. */
  readonly around?: (store: Store<RigTables>) => Store<RigTables>;
}

export async function createRig({
  bus,
  url = 'sqlite::memory:',
  around = (store) => store,
  ...more
}: RigOptions): Promise<Rig> {
  const store = await openStore<RigTables>({
    url,
    migrations: [
      ...eventMigrations,
      { name: '001-effects', up: 'create table effects (order_id text, consumer text)' },
    ],
  });
  const spans = createSpanRing();
  const events = createEvents<RigTables>({
    ...{ image: weftImage(), store: around(store), bus, source: 'orders', spans },
    clock: systemClock,
    ...more,
  });
  const effects: Rig['effects'] = async (consumer = 'warehouse') => {
    const rows = await store.db
      .selectFrom('effects')
      .select('order_id')
      .where('consumer', '=', consumer)
      .orderBy('order_id')
      .execute();
    return rows.map((row) => row.order_id);
  };
  const effect: Rig['effect'] = async (tx, orderId, consumer = 'warehouse') => {
    await tx.insertInto('effects').values({ order_id: orderId, consumer }).execute();
  };
  return {
    ...{ events, store, spans, effect, effects },
    async deadLetters(consumer = 'warehouse') {
      const page = { limit: 100, replayed: true };
      return (await events.deadLetters.list({ consumer }, page)).toReversed();
    },
    confirm: (orderId) =>
      store.transaction((tx) => events.publish(tx, OrderConfirmed, confirmed(orderId))),
    async hasEffects(...orderIds) {
      const wanted = [...orderIds].sort();
      const enough = async (): Promise<boolean> => (await effects()).length >= wanted.length;
      await eventually(enough, { withinMs: 20_000 });
      // No jest here: processes without it use this file too.
      assert.equal((await effects()).join(), wanted.join());
    },
    hear: (before, options) =>
      events.subscribe({
        ...{ consumer: 'warehouse', retryMs: 5, pauseMs: 20 },
        ...options,
        handlers: [
          on(OrderConfirmed, async (event, context) => {
            await before?.(event, context);
            await effect(context.tx, event.orderId);
          }),
        ],
      }),
    async close() {
      await events.close();
      await store.close();
    },
  };
}

/** A valid OrderConfirmed. */
export function confirmed(orderId: string): OrderConfirmed {
  return OrderConfirmed.fromPartial({
    orderId,
    customerId: 'alice',
    lines: [{ sku: 'tea-1', quantity: 2 }],
    total: { currencyCode: 'EUR', minorUnits: 500n },
  });
}

/** A valid OrderDeclined. */
export function declined(orderId: string): OrderDeclined {
  return OrderDeclined.fromPartial({ orderId, customerId: 'alice', reason: 'CARD_DECLINED' });
}

/** What stands on a channel, as a consumer of its own sees it. */
export function listen(bus: Bus, channel: string, ...subjects: string[]): Delivery[] {
  const seen: Delivery[] = [];
  bus.consume({
    ...{ channel: { name: channel }, consumer: 'listener', subjects, maxInFlight: 100 },
    onDelivery(delivery) {
      seen.push(delivery);
      delivery.ack();
    },
  });
  return seen;
}
