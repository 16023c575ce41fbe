/**
 * `make bench-shop`: the whole shop, each service a process of its own, beside Consul and nats-server on the
 * cores of this machine: what an order costs that goes through orders, inventory, payments, outbox,
 * JetStream, warehouse and notifications. Clones the last commit and runs it on ports of its own; takes about
 * three minutes; writes lab/results/bench-shop.json and the table of docs/bench-shop.md.
 *
 *     node lab/bench-shop/main.ts --seconds 5    a short look; writes nothing
 *     ... --env 'NODE_OPTIONS=--cpu-prof --cpu-prof-dir=/tmp/profiles'    what every process is given
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type Audit } from '../house/audit.ts';
import { openHouse } from '../house/house.ts';
import { openShop } from '../house/shop.ts';
import { type Bar, barHolds, writeResult } from '../result-file.ts';
import { shopTable, writeShopTable } from './document.ts';
import { pragmasOf } from './pragmas.ts';
import { measure } from './run.ts';

/** Enough to keep every process busy, few enough that latency is not only a queue. */
const inFlight = 64;
/** A shop that has air to breathe, and the load that the bar names. */
const ratesPerSecond = [300, 1000];
const warmUpSeconds = 8;

const { values: options } = parseArgs({
  options: { seconds: { type: 'string' }, env: { type: 'string', multiple: true, default: [] } },
});
const seconds = Number(options.seconds ?? 30);
const env = Object.fromEntries(
  options.env.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
);

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const load = loadavg()[0] ?? 0;
if (load > 0.5) say(`the machine is busy (load ${load.toFixed(2)}): figures will be rough`);

const house = await openHouse({ portBase: 7900, packages: 'shared' });
try {
  await house.weft(['up'], { STORE_DURABILITY: 'full', ...env });
  const shop = openShop(house.consul);
  try {
    const at = { house, shop };
    // The code of all processes is compiled, and connections are open, before anything counts.
    await measure(at, { run: 'warm', pace: { inFlight }, seconds: warmUpSeconds });
    const closed = await measure(at, { run: 'closed', pace: { inFlight }, seconds });
    const runs = [closed];
    for (const ratePerSecond of ratesPerSecond) {
      const run = `open-${String(ratePerSecond)}`;
      runs.push(await measure(at, { run, pace: { ratePerSecond }, seconds }));
    }
    const report = { seconds, pragmas: await pragmasOf(house), runs };
    say(shopTable(report));
    const sum = (of: (audit: Audit) => number): number =>
      runs.reduce((total, { audit }) => total + of(audit), 0);
    const none = { op: '<=', bar: 0, unit: 'orders' } as const;
    const bars: readonly Bar[] = [
      { name: 'orders-per-s', value: closed.ordersPerS, op: '>=', bar: 1000, unit: 'orders/s' },
      { name: 'orders-lost', value: sum((it) => it.lost.length + it.missing), ...none },
      { name: 'orders-doubled', value: sum((it) => it.doubled.length), ...none },
    ];
    for (const each of bars) say(`${barHolds(each) ? 'holds      ' : 'falls short'} ${each.name}`);
    if (options.seconds === undefined) {
      const path = await writeResult({
        name: 'bench-shop',
        command: 'make bench-shop',
        bars,
        data: report,
      });
      writeShopTable(report);
      say(`written: ${path}; make results shows it`);
    }
  } finally {
    await shop.close();
  }
} finally {
  await house.close();
}
