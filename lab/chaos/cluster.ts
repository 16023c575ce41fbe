/**
 * `make chaos-cluster`: three nats-servers keep every channel three times, and five times the server that leads a
 * stream is killed. First under the bus alone, which publishes and hears as fast as it is asked to: every event
 * whose publishing was acknowledged must be heard. Then under the whole shop, in real processes with orders coming
 * in: the books must balance, as in `make chaos-events`. Writes lab/results/chaos-cluster.json; takes about two
 * minutes.
 *
 *     make chaos-cluster LEADERS=1         a short form; writes nothing
 */
import { parseArgs } from 'node:util';
import { systemClock, systemRandom } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsCluster, startNatsCluster } from '../../mesh/testing/nats-cluster.ts';
import { rowsOf } from '../house/rows.ts';
import { openShop, placeNth } from '../house/shop.ts';
import { type Bar, writeResult } from '../result-file.ts';
import { busUnderLeaders } from './bus.ts';
import { type Customers, sendCustomers } from './customers.ts';
import { stream } from './faults.ts';
import { killLeaders } from './leaders.ts';
import { type Ledger, ledgerText, ledgerWhenSettled } from './ledger.ts';
import { breaker, openTroupe } from './stage.ts';

const fullRun = 5;
const { values: options } = parseArgs({
  options: { leaders: { type: 'string', default: String(fullRun) } },
});
const leaders = Number(options.leaders);
const customersPerSecond = 40;
const pauseMs = 3000;
const settleMs = 60_000;
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const onKilled = (what: string) => (name: string) => {
  say(`killed ${name}, which led the stream of ${what}`);
};

const cluster = await startNatsCluster();
try {
  const how = { times: leaders, pauseMs };
  const bus = await busUnderLeaders(cluster, { ...how, settleMs, onKilled: onKilled('the bus') });
  say(
    `${String(bus.acknowledged)} acknowledged, ${String(bus.lost)} of them lost; ${String(bus.heardAgain)} heard again; ${String(bus.sentAgain)} times a fate was left open and the event sent again`,
  );
  const shop = await shopUnderLeaders(cluster);
  const lost =
    shop.ledger.lost.length + shop.ledger.unsent + shop.ledger.deadLetters + shop.waiting;
  const doubled = shop.ledger.doubled.length;
  say(ledgerText(shop.ledger));
  if (shop.waiting > 0) say(`${String(shop.waiting)} customers were never told`);
  if (leaders >= fullRun) {
    const none = { op: '<=', bar: 0 } as const;
    const kills = { op: '>=', bar: fullRun, unit: 'kill -9' } as const;
    const bars: Bar[] = [
      { name: 'cluster-leaders-killed', value: bus.killed.length, ...kills },
      { name: 'cluster-lost', value: bus.lost, ...none, unit: 'acknowledged events' },
      { name: 'cluster-shop-leaders-killed', value: shop.killed.length, ...kills },
      { name: 'cluster-shop-lost', value: lost, ...none, unit: 'effects' },
      { name: 'cluster-shop-doubled', value: doubled, ...none, unit: 'effects' },
    ];
    const command = 'make chaos-cluster';
    const path = await writeResult({ name: 'chaos-cluster', command, bars, data: { bus, shop } });
    say(`written: ${path}; make results shows it`);
  }
  process.exitCode = bus.lost + lost + doubled === 0 ? 0 : 1;
} finally {
  await cluster.close();
}

/** What became of orders that came in meanwhile. */
interface ShopReport {
  readonly killed: readonly string[];
  /** Customers who were never told. */
  readonly waiting: number;
  readonly refusals: Customers['refusals'];
  readonly ledger: Ledger;
}

async function shopUnderLeaders(of: NatsCluster): Promise<ShopReport> {
  const servers = of.members.map(({ url }) => url.replace('nats://', '')).join(',');
  const troupe = await openTroupe({ env: { MESH_NATS: servers, MESH_NATS_REPLICAS: '3' } });
  const shop = openShop(troupe.consul, { breaker });
  try {
    const withinMs = 180_000;
    const first = await eventually(() => placeNth(shop, { run: 'ready', n: 0 }), { withinMs });
    say('the first order of the shop is placed');
    const customers = sendCustomers(shop, { perSecond: customersPerSecond, random: systemRandom });
    const what = { stream, times: leaders, pauseMs, onKilled: onKilled('the shop') };
    const killed = await killLeaders(of, what);
    const waiting = await customers.leave(settleMs);
    const told = new Map(customers.told).set('ready', { orderId: first, what: 'confirmed' });
    const ask = async (service: string, sql: string) => rowsOf(troupe.root, service, { sql });
    const begin = systemClock.monotonic();
    const ledger = await ledgerWhenSettled(ask, told, settleMs);
    say(`settled in ${((systemClock.monotonic() - begin) / 1000).toFixed(1)} s`);
    return { killed, waiting, refusals: customers.refusals, ledger };
  } finally {
    await shop.close();
    await troupe.close();
  }
}
