import { OrderStatus } from '#gen/shop/orders/v1/orders.ts';
import { MeshError, type Random, systemClock } from '#mesh';
import { pieces, type ShopClients } from '../house/shop.ts';

/** What a customer was told in the end. */
export type Told = 'confirmed' | 'declined';

/** An answer that was no decision. */
export interface Refusal {
  readonly times: number;
  /** When the last of them was told to come back, in ms, if it was. */
  readonly retryAfterMs?: number;
}

/** Customers who do not give up: each asks with the key of its order until it is told what became of it. */
export interface Customers {
  /** By idempotency key. */
  readonly told: ReadonlyMap<string, { readonly orderId: string; readonly what: Told }>;
  /** Answers that were no decision, by status and reason. */
  readonly refusals: Readonly<Record<string, Refusal>>;
  /** How many did not come because too many were waiting. */
  readonly turnedAway: number;
  /** How many ask now and were not told. */
  readonly waiting: number;
  /** No new customers; resolves when all have been told, or after `withinMs` with how many wait still. */
  leave(withinMs: number): Promise<number>;
}

/** One in ten has a card that is declined: what was reserved for it must be given back. */
const declinedShare = 0.1;
/** Beyond this new customers are turned away: an outage must not become a flood. */
const mostWaiting = 2000;

/** `perSecond` new customers a second. */
export function sendCustomers(
  { orders }: Pick<ShopClients, 'orders'>,
  { perSecond, random }: { readonly perSecond: number; readonly random: Random },
): Customers {
  const told = new Map<string, { orderId: string; what: Told }>();
  const refusals: Record<string, Refusal> = {};
  const waiting = new Set<Promise<void>>();
  const over = new AbortController();
  let open = true;
  let turnedAway = 0;

  const ask = createAsk(orders, { told, refusals, random, over: over.signal });

  async function come(): Promise<void> {
    const begin = systemClock.monotonic();
    for (let n = 0; open; n++) {
      await systemClock.sleep(
        Math.max(1, begin + (n * 1000) / perSecond - systemClock.monotonic()),
      );
      if (waiting.size >= mostWaiting) {
        turnedAway++;
        continue;
      }
      const card = random.next() < declinedShare ? 'tok_declined' : 'tok_visa';
      const one = ask(`chaos-order-${String(n)}`, card).finally(() => waiting.delete(one));
      waiting.add(one);
    }
  }

  const coming = come();
  return {
    told,
    refusals,
    get turnedAway() {
      return turnedAway;
    },
    get waiting() {
      return waiting.size;
    },
    async leave(withinMs) {
      open = false;
      await coming;
      const late = systemClock.sleep(withinMs, over.signal).catch(() => undefined);
      await Promise.race([Promise.all(waiting), late]);
      const left = waiting.size;
      over.abort();
      await Promise.all(waiting);
      return left;
    },
  };
}

/** One customer, who asks until it is told or all is over. */
function createAsk(
  orders: ShopClients['orders'],
  {
    told,
    refusals,
    random,
    over,
  }: {
    readonly told: Map<string, { orderId: string; what: Told }>;
    readonly refusals: Record<string, Refusal>;
    readonly random: Random;
    readonly over: AbortSignal;
  },
): (key: string, cardToken: string) => Promise<void> {
  const lines = Object.entries(pieces).map(([sku, quantity]) => ({ sku, quantity }));
  /** Notes a refusal; gives how long it asked to wait, in ms. */
  const note = (thrown: unknown): number => {
    const { status, reason = '', details } = MeshError.from(thrown);
    const what = `${status} ${reason}`.trim();
    const { retryAfterMs } = details;
    refusals[what] = {
      times: (refusals[what]?.times ?? 0) + 1,
      ...(retryAfterMs !== undefined && { retryAfterMs: Math.round(retryAfterMs) }),
    };
    return retryAfterMs ?? 0;
  };
  const once = async (key: string, cardToken: string): Promise<void> => {
    const request = { idempotencyKey: key, customerId: 'cus_1', lines, cardToken };
    const { order } = await orders.placeOrder(request);
    told.set(key, { orderId: order?.orderId ?? '', what: decisionOf(order?.status) });
  };
  return async (key, cardToken) => {
    while (!over.aborted) {
      const askedMs = await once(key, cardToken).then(() => undefined, note);
      if (askedMs === undefined) return;
      const pauseMs = Math.min(Math.max(askedMs, 200), 10_000) * (1 + random.next());
      await systemClock.sleep(pauseMs, over).catch(() => undefined);
    }
  };
}

function decisionOf(status: OrderStatus | undefined): Told {
  if (status === OrderStatus.DECLINED) return 'declined';
  if (status === OrderStatus.CONFIRMED || status === OrderStatus.SHIPPED) return 'confirmed';
  throw new Error(`an order was answered with status ${String(status)}`);
}
