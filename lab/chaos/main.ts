/**
 * `make chaos-events`: the shop in real processes while instances and nats-server are killed, acks are lost, a
 * stream is deleted and its store rolled back; then the books of all services are held against what every
 * customer was told. Prints the ledger and writes lab/results/chaos-events.json.
 *
 *     make chaos-events                    200 kill -9, some five minutes
 *     make chaos-events KILLS=20           a short form; writes nothing
 *     make chaos-events SEED=1234          the same faults in the same order again
 */
import { parseArgs } from 'node:util';
import { type Random, systemClock, systemRandom } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { createSeededRandom } from '../../mesh/testing/seeded-random.ts';
import { rowsOf } from '../house/rows.ts';
import { openShop, placeNth } from '../house/shop.ts';
import { writeResult } from '../result-file.ts';
import { type Customers, sendCustomers } from './customers.ts';
import { drawFaults, type Plan, strike } from './faults.ts';
import { type Ask, type Ledger, ledgerText, ledgerWhenSettled } from './ledger.ts';
import { breaker, openStage, type Stage } from './stage.ts';

const { values: options } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string' } },
});
const kills = Number(options.kills);
const seed = Number(options.seed ?? Math.floor(systemRandom.next() * 1e6));
/** Of the other faults there are fewer: each hits all services at once. */
const some = Math.max(1, Math.round(kills / 40));
const few = Math.max(1, Math.round(kills / 66));
const plan: Plan = {
  kill: kills,
  'nats-killed': some,
  'publish-acks-lost': some,
  'consumer-acks-lost': some,
  'stream-deleted': few,
  'store-rolled-back': few,
};
const fullRun = 200;
const pauseMs = 700;
const customersPerSecond = 40;
/** How long customers and consequences may take when everything is up again. */
const settleMs = 120_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
say(`seed ${String(seed)}; again: make chaos-events KILLS=${String(kills)} SEED=${String(seed)}`);

const begin = systemClock.monotonic();
const at = (): string => `${((systemClock.monotonic() - begin) / 1000).toFixed(0)} s`;

const stage = await openStage();
try {
  const shop = openShop(stage.consul, { breaker });
  try {
    const first = await eventually(() => placeNth(shop, { run: 'ready', n: 0 }), {
      withinMs: 180_000,
    });
    say(`${at()}: the first order is placed`);
    const customers = sendCustomers(shop, { perSecond: customersPerSecond, random: systemRandom });
    await strikeAll(stage, createSeededRandom(seed));
    say(`${at()}: the last fault is over; no new customers`);
    const waiting = await customers.leave(settleMs);
    const ask: Ask = async (service, sql) => rowsOf(stage.root, service, { sql });
    const told = new Map(customers.told).set('ready', { orderId: first, what: 'confirmed' });
    const ledger = await ledgerWhenSettled(ask, told, settleMs);
    say(`${at()}: settled\n${ledgerText(ledger)}`);
    if (waiting > 0) say(`${String(waiting)} customers were never told`);
    process.exitCode = await conclude(ledger, { waiting, refusals: customers.refusals });
  } finally {
    await shop.close();
  }
} finally {
  await stage.close();
}

/** One fault after the other, most of them while the last one is still felt. */
async function strikeAll(on: Stage, random: Random): Promise<void> {
  for (const { pauseMs: pause, fault } of drawFaults(plan, { pauseMs, random })) {
    await systemClock.sleep(pause);
    if (fault.kind !== 'kill') say(`${at()}: ${fault.kind}`);
    await strike(on, fault, random);
  }
}

/** Writes what a full run came to; gives the exit code. */
async function conclude(
  ledger: Ledger,
  customers: { readonly waiting: number; readonly refusals: Customers['refusals'] },
): Promise<number> {
  const lost = ledger.lost.length + ledger.unsent + ledger.deadLetters + customers.waiting;
  const doubled = ledger.doubled.length;
  if (kills >= fullRun) {
    const none = { op: '<=', bar: 0, unit: 'effects' } as const;
    const path = await writeResult({
      name: 'chaos-events',
      command: 'make chaos-events',
      bars: [
        { name: 'chaos-kills', value: kills, op: '>=', bar: fullRun, unit: 'kill -9' },
        { name: 'chaos-lost', value: lost, ...none },
        { name: 'chaos-doubled', value: doubled, ...none },
      ],
      data: { seed, faults: plan, seconds: at(), customers, ledger },
    });
    say(`written: ${path}; make results shows it`);
  }
  return lost + doubled === 0 ? 0 : 1;
}
