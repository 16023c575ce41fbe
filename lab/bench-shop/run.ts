import { systemClock } from '#mesh';
import { type Audit, auditWhenSettled } from '../house/audit.ts';
import type { House } from '../house/house.ts';
import { keepInFlight, type LoadReport, offerLoad } from '../house/load.ts';
import { placeNth, type ShopClients } from '../house/shop.ts';
import { percentile } from '../suite/stats.ts';
import { readConsequences, settled } from './consequences.ts';
import { startMeter, type Used } from './meter.ts';

/** How orders come. */
export type Pace =
  /** Closed loop: so many are always being placed. */
  | { readonly inFlight: number }
  /** Open loop: so many a second, whatever became of those before. */
  | { readonly ratePerSecond: number };

/** One run of orders, from the first one placed to the last consequence written. */
export interface Measured {
  /** How orders came, in words. */
  readonly name: string;
  readonly answers: LoadReport;
  readonly orders: number;
  /** Orders with all that follows from them, over the time from the first placed to the last consequence. */
  readonly ordersPerS: number;
  /** From sending the request to the written notification, in ms. */
  readonly toNotification: { readonly p50Ms: number; readonly p99Ms: number };
  /** From the last answer to the last consequence, in ms. */
  readonly behindMs: number;
  readonly cpuMsPerOrder: Readonly<Record<string, number>>;
  readonly cpuMsPerOrderInAll: number;
  readonly commitsPerOrder: Readonly<Record<string, number>>;
  /**
   * One for each commit (synchronous=FULL), and two for each checkpoint: of the log before, of the database
   * after it. Source: sqlite.org/wal.html, "Performance Considerations".
   */
  readonly fsyncsPerOrder: number;
  readonly audit: Audit;
}

const settleMs = 60_000;

/** Places orders for so long, waits for all that follows, and holds the books against the answers. */
export async function measure(
  { house, shop }: { readonly house: House; readonly shop: ShopClients },
  { run, pace, seconds }: { readonly run: string; readonly pace: Pace; readonly seconds: number },
): Promise<Measured> {
  const placedAt = new Map<string, number>();
  const request = async (n: number): Promise<void> => {
    const at = systemClock.now();
    placedAt.set(await placeNth(shop, { run, n }), at);
  };
  const stop = await startMeter(house);
  const beganAt = systemClock.now();
  const answers = await ('inFlight' in pace
    ? keepInFlight({ inFlight: pace.inFlight, seconds, request })
    : offerLoad({ ratePerSecond: pace.ratePerSecond, lasts: seconds, request }));
  const answeredAt = systemClock.now();
  await settled(house.root, settleMs);
  const used = stop();
  const answered = [...placedAt.keys()];
  const audit = await auditWhenSettled(house.root, { run, answered }, settleMs);
  const name =
    'inFlight' in pace ? `${String(pace.inFlight)} in flight` : `${String(pace.ratePerSecond)}/s`;
  return { name, ...figures(house.root, { placedAt, beganAt, answeredAt, used }), answers, audit };
}

function figures(
  root: string,
  facts: {
    readonly placedAt: ReadonlyMap<string, number>;
    readonly beganAt: number;
    readonly answeredAt: number;
    readonly used: Used;
  },
): Omit<Measured, 'name' | 'answers' | 'audit'> {
  const { placedAt, beganAt, answeredAt, used } = facts;
  const { notified, picked } = readConsequences(root);
  const orders = placedAt.size;
  const waits: number[] = [];
  let lastAt = answeredAt;
  for (const [orderId, at] of placedAt) {
    const toldAt = notified.get(orderId);
    if (toldAt !== undefined) waits.push(toldAt - at);
    lastAt = Math.max(lastAt, toldAt ?? 0, picked.get(orderId) ?? 0);
  }
  const perOrder = (of: Readonly<Record<string, number>>): Record<string, number> =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, round(value / orders)]));
  const inAll = (of: Readonly<Record<string, number>>): number =>
    Object.values(of).reduce((sum, value) => sum + value, 0);
  return {
    orders,
    ordersPerS: Math.round((orders * 1000) / (lastAt - beganAt)),
    toNotification: { p50Ms: percentile(waits, 0.5), p99Ms: percentile(waits, 0.99) },
    behindMs: lastAt - answeredAt,
    cpuMsPerOrder: perOrder(used.cpuMs),
    cpuMsPerOrderInAll: round(inAll(used.cpuMs) / orders),
    commitsPerOrder: perOrder(used.commits),
    fsyncsPerOrder: round((inAll(used.commits) + 2 * inAll(used.checkpoints)) / orders),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
