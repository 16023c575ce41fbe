import {
  Answer,
  OrderConfirmed,
  OrderDeclined,
  OrdersServiceDefinition,
} from '#gen/flow/orders/v1/orders.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { createBook } from './book.ts';
import { deskClients } from './desk-clients.ts';
import type { OrderRow, OrdersTables } from './wire.ts';

/** The pause between two looks for undecided orders, and the age at which they are looked at, in ms. */
const resume = { everyMs: 500, afterMs: 1500 };

/**
 * Hybrid, as the shop of services/shop: stock and payment decide while the customer waits, the rest hears of the
 * decision. An order whose desks do not answer stays pending, and whoever looks for such walks its way again.
 */
export function hybridOrders(tools: AppTools<OrdersTables>): ServiceParts<OrdersTables> {
  const { store, events, clock, every } = tools;
  const book = createBook(store);
  const { inventory, payments } = deskClients(tools);
  const settle = (orderId: string, status: 'confirmed' | 'declined'): Promise<unknown> =>
    store.grouped(async (tx) => {
      if (!(await book.settle(tx, orderId, status))) return;
      await events.publish(tx, status === 'confirmed' ? OrderConfirmed : OrderDeclined, {
        orderId,
      });
    });
  const decide = async (order: Pick<OrderRow, 'order_id' | 'refused_by'>): Promise<Answer> => {
    const part = { orderId: order.order_id, refusedBy: order.refused_by };
    for (const desk of [inventory, payments]) {
      const { done } = await desk.doPart(part);
      if (done) continue;
      await settle(part.orderId, 'declined');
      return Answer.DECLINED;
    }
    await settle(part.orderId, 'confirmed');
    return Answer.CONFIRMED;
  };
  every(resume.everyMs, 'decide what is still pending', async () => {
    const pending = await book.pendingSince(clock.now() - resume.afterMs);
    await Promise.allSettled(pending.map(decide));
  });
  return {
    services: [
      implement(OrdersServiceDefinition, {
        async place({ orderId, refusedBy }) {
          const order = { order_id: orderId, refused_by: refusedBy, placed_at: clock.now() };
          await store.grouped((tx) => book.open(tx, order));
          return { answer: await decide(order) };
        },
      }),
    ],
  };
}
