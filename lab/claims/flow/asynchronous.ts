import { PartDecided } from '#gen/flow/desk/v1/desk.ts';
import {
  Answer,
  OrderConfirmed,
  OrderDeclined,
  OrderPlaced,
  OrdersServiceDefinition,
} from '#gen/flow/orders/v1/orders.ts';
import { type AppTools, implement, on, type ServiceParts } from '#mesh';
import { createBook } from './book.ts';
import { ackWaitMs, type OrdersTables } from './wire.ts';

/**
 * All asynchronous: the customer hears that the order is taken, as of a 202, and the desks hear of it by events,
 * one after the other. The decision comes later, and the customer has to ask, or to be told.
 */
export function asynchronousOrders(tools: AppTools<OrdersTables>): ServiceParts<OrdersTables> {
  const { store, events, clock } = tools;
  const book = createBook(store);
  return {
    services: [
      implement(OrdersServiceDefinition, {
        async place({ orderId, refusedBy }) {
          await store.grouped(async (tx) => {
            const order = { order_id: orderId, refused_by: refusedBy, placed_at: clock.now() };
            await book.open(tx, order);
            await events.publish(tx, OrderPlaced, { orderId, refusedBy });
          });
          return { answer: Answer.ACCEPTED };
        },
      }),
    ],
    consumer: {
      ackWaitMs,
      handlers: [
        on<PartDecided, OrdersTables>(PartDecided, async ({ orderId, desk, done }, { tx }) => {
          if (!done && (await book.settle(tx, orderId, 'declined'))) {
            await events.publish(tx, OrderDeclined, { orderId });
          }
          if (done && desk === 'payments' && (await book.settle(tx, orderId, 'confirmed'))) {
            await events.publish(tx, OrderConfirmed, { orderId });
          }
        }),
      ],
    },
  };
}
