import { systemClock } from '#mesh';
import { type Audit, auditWhenSettled } from './audit.ts';
import type { House } from './house.ts';
import { type LoadReport, offerLoad } from './load.ts';
import { openShop, placeNth, type ShopClients } from './shop.ts';

/** What came of orders while something was done to the shop. */
export interface DrillReport extends LoadReport {
  readonly audit: Audit;
  /** What happened when, for whoever reads the figures. */
  readonly events: readonly string[];
}

export interface Drill {
  /** Tells the orders of this run from those of others. */
  readonly run: string;
  readonly ratePerSecond: number;
  /** How long orders come, in seconds; default: until `during` has ended. */
  readonly seconds?: number;
  /** What is done beside the load; it may note what it did. */
  readonly during: (note: (what: string) => void, shop: ShopClients) => Promise<void>;
}

/** Places orders at a fixed rate while something happens, then audits the books. */
export async function underLoad(house: House, drill: Drill): Promise<DrillReport> {
  const shop = openShop(house.consul);
  const answered: string[] = [];
  const events: string[] = [];
  const begin = systemClock.monotonic();
  const note = (what: string): void => {
    events.push(`${((systemClock.monotonic() - begin) / 1000).toFixed(1)} s: ${what}`);
  };
  try {
    // One order first, so that connections are open before the clock of the load runs.
    await placeNth(shop, { run: `${drill.run}-warm`, n: 0 });
    const done = drill.during(note, shop);
    const [report] = await Promise.all([
      offerLoad({
        ...drill,
        lasts: drill.seconds ?? done,
        request: async (n) => {
          answered.push(await placeNth(shop, { run: drill.run, n }));
        },
      }),
      done,
    ]);
    note('the load has ended');
    const audit = await auditWhenSettled(house.root, { run: drill.run, answered });
    note(`settled: ${String(audit.confirmed)} orders`);
    return { ...report, audit, events };
  } finally {
    await shop.close();
  }
}
