import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { on } from '../events/consume/handler.ts';
import type { ConsumerTuning } from '../events/consume/subscribe.ts';
import type { Subscription } from '../events/consume/subscription.ts';
import { type Image, weftImage } from '../schema/image.ts';
import { sql } from '../store/sql.ts';
import type { Store } from '../store/store.ts';
import { confirmed, type Rig, type RigTables } from './events-rig.ts';

/** Publishes steps of keys, in this order, in one transaction: OrderConfirmed with the step as its total. */
export async function publishSteps(
  { store, events }: Pick<Rig, 'store' | 'events'>,
  ...steps: readonly (readonly [key: string, step: number])[]
): Promise<void> {
  await store.transaction(async (tx) => {
    for (const [key, step] of steps) {
      const total = { currencyCode: 'EUR', minorUnits: BigInt(step) };
      await events.publish(tx, OrderConfirmed, { ...confirmed(key), total });
    }
  });
}

/** The schema, with another number of partitions for all channels. */
export function inPartitions(partitions: number): Image {
  const image = weftImage();
  return {
    ...image,
    event(typeName) {
      const event = image.event(typeName);
      return event && { ...event, partitions };
    },
  };
}

/** The consumer "warehouse", in order; each step is an effect. */
export function hearSteps(
  rig: Pick<Rig, 'events' | 'effect'>,
  options: ConsumerTuning = {},
): Promise<Subscription> {
  return rig.events.subscribe({
    ...{ consumer: 'warehouse', ordered: true, retryMs: 20, pauseMs: 20, leaseMs: 1_000 },
    ...options,
    handlers: [
      on<OrderConfirmed, RigTables>(OrderConfirmed, async ({ orderId, total }, { tx }) => {
        await rig.effect(tx, orderId, String(total?.minorUnits));
      }),
    ],
  });
}

/** The steps of each key, in the order in which their effects were committed. SQLite only. */
export async function stepsOf(store: Store<RigTables>): Promise<Map<string, number[]>> {
  const { rows } = await sql<{ order_id: string; consumer: string }>`
    select order_id, consumer from effects order by rowid`.execute(store.db);
  const steps = new Map<string, number[]>();
  for (const { order_id, consumer } of rows) {
    steps.set(order_id, [...(steps.get(order_id) ?? []), Number(consumer)]);
  }
  return steps;
}
