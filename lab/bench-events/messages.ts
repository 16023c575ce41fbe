import { systemClock, systemRandom } from '#mesh';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import type { Outgoing } from '../../mesh/events/bus/bus.ts';
import { toHeaders } from '../../mesh/events/envelope.ts';
import { childTrace } from '../../mesh/kernel/context.ts';
import { sortableId } from '../../mesh/kernel/random.ts';

/** The channel of everything here. */
export const channel = 'shop-orders';
const type = 'shop.orders.v1.OrderConfirmed';

/** An order as the shop confirms it: about 140 bytes. */
export function sampleOrder(n: number): OrderConfirmed {
  return OrderConfirmed.fromPartial({
    orderId: `order-${n}`,
    customerId: `customer-${n % 1000}`,
    lines: Array.from({ length: 3 }, (_, line) => ({ sku: `tea-${line}`, quantity: line + 1 })),
    total: { currencyCode: 'EUR', minorUnits: BigInt(1000 + (n % 100_000)) },
  });
}

/** Messages as they stand on the wire: the headers of an event, Nats-Msg-Id not among them, and its bytes. */
export function sampleMessages(count: number, keys = 1000): Outgoing[] {
  return Array.from({ length: count }, (_, n) => sampleMessage(n, `order-${n % keys}`));
}

function sampleMessage(n: number, key: string): Outgoing {
  const timeMs = systemClock.now();
  const id = sortableId(timeMs, systemRandom);
  const trace = childTrace(undefined, systemRandom);
  const envelope = { id, type, source: 'orders', timeMs, key, trace };
  return {
    ...{ channel, subject: `${channel}.OrderConfirmed`, id },
    headers: toHeaders(envelope),
    data: OrderConfirmed.encode(sampleOrder(n)).finish(),
  };
}
