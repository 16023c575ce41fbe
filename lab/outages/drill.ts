import { systemClock, systemRandom } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type PostgresServer, startPostgres } from '../../mesh/testing/postgres.ts';
import { type Customers, sendCustomers } from '../chaos/customers.ts';
import { type Ledger, ledgerWhenSettled } from '../chaos/ledger.ts';
import { breaker, openStage } from '../chaos/stage.ts';
import { openShop, placeNth } from '../house/shop.ts';
import { askWhereItIs, createDatabases } from './databases.ts';
import type { Scenario } from './scenarios.ts';
import { countWaiting, type Waiting } from './waiting.ts';

/** What came of an outage. */
export interface Drill {
  readonly name: string;
  readonly customersPerSecond: number;
  readonly awaySeconds: number;
  /** At the end of the outage, before it is over. */
  readonly waiting: Waiting;
  /** What callers heard meanwhile, but for decisions. */
  readonly refusals: Customers['refusals'];
  /** From its return until everybody was told and everything had followed, in s. */
  readonly recoveredSeconds: number;
  readonly neverTold: number;
  /** Customers who did not come because 2000 were waiting already. */
  readonly turnedAway: number;
  readonly ledger: Ledger;
}

const customersPerSecond = 20;
const settleMs = 120_000;

/** Takes something away for so long while orders come in, and brings it back. */
export async function drill(scenario: Scenario, awaySeconds: number): Promise<Drill> {
  const { onPostgres, prepare } = scenario;
  const postgres = onPostgres.length > 0 ? await startPostgres() : undefined;
  try {
    const stores = postgres === undefined ? {} : await createDatabases(postgres, onPostgres);
    if (scenario.fromTheStart === true) await postgres?.kill();
    const stage = await openStage({ stores, ...(prepare && { prepare }) });
    const shop = openShop(stage.consul, { breaker });
    const ask = askWhereItIs(() => stage.root, stores);
    try {
      const first = await firstOrder(scenario, { shop, postgres, awaySeconds });
      const customers = sendCustomers(shop, {
        perSecond: customersPerSecond,
        random: systemRandom,
      });
      await systemClock.sleep(2000);
      const end = await scenario.strike(stage, postgres);
      await systemClock.sleep(awaySeconds * 1000);
      const waiting = await countWaiting(stage, ask, customers.waiting);
      await end();
      const back = systemClock.monotonic();
      const neverTold = await customers.leave(settleMs);
      const told = new Map(customers.told).set('ready', { orderId: first, what: 'confirmed' });
      const ledger = await ledgerWhenSettled(ask, told, settleMs);
      const recoveredSeconds = Math.round((systemClock.monotonic() - back) / 100) / 10;
      const { refusals, turnedAway } = customers;
      return {
        ...{ name: scenario.name, customersPerSecond, awaySeconds, waiting, refusals },
        ...{ recoveredSeconds, neverTold, turnedAway, ledger },
      };
    } finally {
      await shop.close();
      await stage.close();
    }
  } finally {
    await postgres?.close();
  }
}

/** Everything is up when an order is placed; what was away from the start comes after its time. */
async function firstOrder(
  { fromTheStart }: Scenario,
  {
    shop,
    postgres,
    awaySeconds,
  }: {
    readonly shop: Parameters<typeof placeNth>[0];
    readonly postgres: PostgresServer | undefined;
    readonly awaySeconds: number;
  },
): Promise<string> {
  if (fromTheStart === true) {
    await systemClock.sleep(awaySeconds * 1000);
    await postgres?.restart();
  }
  return eventually(() => placeNth(shop, { run: 'ready', n: 0 }), { withinMs: 180_000 });
}
