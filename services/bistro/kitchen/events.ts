/** What the kitchen is asked, what it hears, and the menu that it publishes. */
import { Offer } from '#gen/bistro/couriers/v1/messages.ts';
import { DishReady, Menu, PrepareDish } from '#gen/bistro/kitchen/v1/messages.ts';
import { DeliveryWanted, DishServed } from '#gen/bistro/waiter/v1/messages.ts';
import {
  type EventHandler,
  type Events,
  exchange,
  MeshError,
  on,
  onRequest,
  type Store,
} from '#mesh';
import { isOnMenu, lunch } from './menu.ts';
import type { KitchenDb, KitchenStore } from './store.ts';

const preparation = exchange(PrepareDish, DishReady);
const delivery = exchange(DeliveryWanted, Offer);

export interface KitchenHandlersOptions {
  readonly kitchen: KitchenStore;
  /** Who works at this instance. */
  readonly cook: string;
}

/** What is asked of the kitchen. Key: the order id; a dish that is asked for twice is cooked once. */
export function kitchenHandlers({
  kitchen,
  cook,
}: KitchenHandlersOptions): readonly EventHandler<KitchenDb>[] {
  return [
    onRequest(preparation, async ({ orderId, dish }, { tx }) => {
      if (!isOnMenu(lunch, dish)) throw notOnMenu(dish);
      return { orderId, cook: await kitchen.cook(tx, { orderId, dish, cook }) };
    }),
    on(DishServed, ({ orderId }, { tx }) => kitchen.serve(tx, orderId)),
    // The dishwasher has a bicycle, and knows what that is worth.
    onRequest(delivery, async () => ({ courier: 'dishwasher', priceCents: 900 })),
  ];
}

function notOnMenu(dish: string): MeshError {
  const known = lunch.dishes.map(({ name }) => name).join(', ');
  return new MeshError(`${dish} is not on the menu; there is ${known}`, {
    ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_DISH' },
  });
}

export interface PublishMenuOptions {
  readonly store: Store<KitchenDb>;
  readonly events: Events<KitchenDb>;
  readonly kitchen: KitchenStore;
}

/** Publishes the menu once for each edition. */
export async function publishMenu({ store, events, kitchen }: PublishMenuOptions): Promise<void> {
  const { menu, edition, dishes } = lunch;
  await store.transaction(async (tx) => {
    if (!(await kitchen.publish(tx, menu, edition))) return;
    await events.publish(tx, Menu, { menu, edition, dishes: [...dishes] });
  });
}
