import { Answer, OrdersServiceDefinition, type PlaceRequest } from '#gen/flow/orders/v1/orders.ts';
import { type AppTools, implement, runInContext, type ServiceParts } from '#mesh';
import { createBook } from './book.ts';
import { type DeskClients, deskClients } from './desk-clients.ts';
import { type DeskName, desks, type OrderRow, type OrdersTables } from './wire.ts';

/**
 * All synchronous: every desk is asked in turn while the customer waits, and one that fails fails the order. What
 * was done until then is taken back by calls as well, as far as they get through: this process is the only one
 * that knows.
 */
export function synchronousOrders(tools: AppTools<OrdersTables>): ServiceParts<OrdersTables> {
  const { store, clock } = tools;
  const book = createBook(store);
  const clients = deskClients(tools);
  const settle = (orderId: string, status: Exclude<OrderRow['status'], 'pending'>) =>
    store.grouped((tx) => book.settle(tx, orderId, status));
  const place = async ({ orderId, refusedBy }: PlaceRequest): Promise<Answer> => {
    const order = { order_id: orderId, refused_by: refusedBy, placed_at: clock.now() };
    await store.grouped((tx) => book.open(tx, order));
    const asked: DeskName[] = [];
    try {
      for (const desk of desks) {
        asked.push(desk);
        const { done } = await clients[desk].doPart({ orderId, refusedBy });
        if (done) continue;
        await takeBack(clients, asked, orderId);
        await settle(orderId, 'declined');
        return Answer.DECLINED;
      }
    } catch (thrown) {
      // The one that failed may have done its part.
      await takeBack(clients, asked, orderId);
      await settle(orderId, 'failed');
      throw thrown;
    }
    await settle(orderId, 'confirmed');
    return Answer.CONFIRMED;
  };
  return {
    services: [
      implement(OrdersServiceDefinition, {
        place: async (request) => ({ answer: await place(request) }),
      }),
    ],
  };
}

/** The last one first. Outside of the caller's deadline: what was taken has to be given back although it is over. */
async function takeBack(
  clients: DeskClients,
  asked: readonly DeskName[],
  orderId: string,
): Promise<void> {
  await runInContext({}, async () => {
    for (const desk of asked.toReversed()) {
      // Nobody will try again: whoever could is here, and has tried as often as its policy says.
      await clients[desk].undoPart({ orderId }).catch(() => undefined);
    }
  });
}
