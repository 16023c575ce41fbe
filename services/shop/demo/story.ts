/** The story that `make demo` plays, as plain functions over the shop's stubs. */

import { InventoryServiceDefinition } from '#gen/shop/inventory/v1/inventory.ts';
import { NotificationsServiceDefinition } from '#gen/shop/notifications/v1/notifications.ts';
import { type Order, OrderStatus, OrdersServiceDefinition } from '#gen/shop/orders/v1/orders.ts';
import {
  type PickOrdersRequest,
  WarehouseServiceDefinition,
} from '#gen/shop/warehouse/v1/warehouse.ts';
import { type Client, type Clock, MeshError, type Random } from '#mesh';
import type { Stage, Traced } from '../../stage/stage.ts';

/** The shop, as its customers and its warehouse terminal see it. */
export interface Shop {
  readonly orders: Client<OrdersServiceDefinition>;
  readonly inventory: Client<InventoryServiceDefinition>;
  readonly warehouse: Client<WarehouseServiceDefinition>;
  readonly notifications: Client<NotificationsServiceDefinition>;
  readonly clock: Clock;
  readonly random: Random;
  traced: Stage['traced'];
}

export function shopOn({ client, clock, random, traced }: Stage): Shop {
  return {
    orders: client(OrdersServiceDefinition),
    inventory: client(InventoryServiceDefinition),
    warehouse: client(WarehouseServiceDefinition),
    notifications: client(NotificationsServiceDefinition),
    ...{ clock, random, traced },
  };
}

/** Places an order of two teas and a mug; its trace is the order's way. */
export function placeOrder(shop: Shop, cardToken: string): Promise<Traced<Order>> {
  return shop.traced(async () => {
    const { order } = await shop.orders.placeOrder({
      idempotencyKey: `demo-${shop.random.hex(8)}`,
      customerId: 'cus_demo',
      lines: [
        { sku: 'TEA-GREEN', quantity: 2 },
        { sku: 'MUG-WHITE', quantity: 1 },
      ],
      cardToken,
    });
    if (order === undefined) throw missing('orders answered without an order');
    return order;
  });
}

/** Follows an order until its last status, telling each change. */
export async function watchOrder(
  shop: Shop,
  orderId: string,
  onStatus: (status: string, order: Order) => void,
): Promise<void> {
  for await (const { order } of shop.orders.watchOrder({ orderId })) {
    if (order !== undefined) onStatus(statusText(order.status), order);
  }
}

/** How many of an article are free, as text. */
export async function available(shop: Shop, sku: string): Promise<bigint> {
  const { item } = await shop.inventory.getStock({ sku });
  if (item === undefined) throw missing(`inventory answered without ${sku}`);
  return item.available;
}

/**
 * Works as a warehouse terminal: packs every pick that it is given, until `signal` aborts. Picks of other
 * orders that wait in the warehouse are packed too, as a terminal would.
 */
export async function workAsTerminal(shop: Shop, signal: AbortSignal): Promise<void> {
  const says = sayings(signal);
  says.push({ message: { $case: 'ready', value: { terminalId: 'terminal-demo', capacity: 10 } } });
  try {
    for await (const { pick } of shop.warehouse.pickOrders(says.stream, { signal })) {
      if (pick === undefined) continue;
      says.push({ message: { $case: 'packed', value: { orderId: pick.orderId } } });
    }
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}

/** The messages about an order, once there are at least `count`. */
export async function notificationsAbout(
  shop: Shop,
  orderId: string,
  count: number,
): Promise<string[]> {
  const end = shop.clock.monotonic() + 30_000;
  for (;;) {
    const texts = await messagesAbout(shop, orderId);
    if (texts.length >= count) return texts;
    if (shop.clock.monotonic() > end)
      throw missing(`no ${count} messages about ${orderId} in 30 s`);
    await shop.clock.sleep(50);
  }
}

/** None while notifications is not back yet: its callers learn of it within moments. */
async function messagesAbout({ notifications }: Shop, orderId: string): Promise<string[]> {
  try {
    const answer = await notifications.listNotifications({ orderId });
    return answer.notifications.map((each) => each.text);
  } catch (thrown) {
    if (MeshError.from(thrown).status === 'UNAVAILABLE') return [];
    throw thrown;
  }
}

/** A status as people say it. */
export function statusText(status: OrderStatus): string {
  const entry = Object.entries(OrderStatus).find(([, value]) => value === status);
  return entry?.[0].toLowerCase() ?? 'unknown';
}

/** A stream of requests that is fed from outside and ends with the signal. */
function sayings(signal: AbortSignal): {
  push(message: PickOrdersRequest): void;
  readonly stream: AsyncIterable<PickOrdersRequest>;
} {
  const waiting: PickOrdersRequest[] = [];
  let wake: () => void = () => undefined;
  signal.addEventListener('abort', () => wake(), { once: true });
  async function* stream(): AsyncGenerator<PickOrdersRequest> {
    while (!signal.aborted) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    stream: stream(),
    push(message) {
      waiting.push(message);
      wake();
    },
  };
}

function missing(what: string): MeshError {
  return new MeshError(what, { status: 'INTERNAL', reason: 'EMPTY_ANSWER' });
}
