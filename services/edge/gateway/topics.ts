import { OrderConfirmed, OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import { type AppTools, MeshError, weftImage } from '#mesh';
import { createSocketDoor, createTopics, type EdgeDb, type Topic, type Upgrade } from '#mesh/edge';

/** A user hears of its own orders: the filter must say whose they are, and the token must say the same. */
const onlyTheirOwn: NonNullable<Topic['allow']> = ({ subject }, { fields = {} }) => {
  if (fields['customerId'] === subject) return;
  throw new MeshError(`say fields: { customerId: "${subject}" } in the filter`, {
    ...{ status: 'PERMISSION_DENIED', reason: 'NOT_YOURS' },
  });
};

/** Events of the shop for those who are connected. */
export function orderTopics(tools: AppTools<EdgeDb>): Upgrade {
  const { events, clock, log } = tools;
  const topics = createTopics({
    ...{ events, log, image: weftImage() },
    topics: { orders: { types: [OrderConfirmed, OrderDeclined], allow: onlyTheirOwn } },
  });
  const door = createSocketDoor({ verbs: topics.verbs, clock, log });
  return {
    path: '/v1/topics',
    accept: door.accept,
    async drain() {
      await door.close();
      await topics.close();
    },
  };
}
