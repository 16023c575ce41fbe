import { systemClock } from '#mesh';
import type { Row } from '../house/rows.ts';
import { cents, pieces } from '../house/shop.ts';
import type { Customers } from './customers.ts';
import { instances } from './stage.ts';

/** What the databases of all services say of all orders, held against what customers were told. */
export interface Ledger {
  readonly told: { readonly confirmed: number; readonly declined: number };
  /** What there is, and what there should be of it. */
  readonly lines: readonly { readonly what: string; readonly is: number; readonly due: number }[];
  /** What an order lacks, in words. */
  readonly lost: readonly string[];
  /** What an order has and should not have, or has twice. */
  readonly doubled: readonly string[];
  /** Events that were written and not yet sent, and those that were given up. */
  readonly unsent: number;
  readonly deadLetters: number;
}

/** Asks the database of a service, past the service. */
export type Ask = (service: string, sql: string) => Promise<readonly Row[]>;

/** What must be there for one order; the count is exact. */
interface Effect {
  readonly what: string;
  readonly service: string;
  /** Gives order_id and n. */
  readonly sql: string;
  readonly due: { readonly confirmed: number; readonly declined: number };
}

const perOrder = Object.values(pieces).reduce((sum, count) => sum + count, 0);

const effects: readonly Effect[] = [
  {
    what: 'orders that stand',
    service: 'orders',
    sql: `select order_id, count(*) as n from orders where status in ('confirmed', 'shipped') group by order_id`,
    due: { confirmed: 1, declined: 0 },
  },
  {
    what: 'orders declined',
    service: 'orders',
    sql: `select order_id, count(*) as n from orders where status = 'declined' group by order_id`,
    due: { confirmed: 0, declined: 1 },
  },
  {
    what: 'cents charged',
    service: 'payments',
    sql: `select order_id, sum(amount_minor) as n from payments where status = 'charged' group by order_id`,
    due: { confirmed: cents, declined: 0 },
  },
  {
    what: 'pieces reserved',
    service: 'inventory',
    sql: `select order_id, sum(json_extract(line.value, '$.quantity')) as n
            from reservations, json_each(reservations.lines) as line
           where outcome = 'reserved' and released_at is null group by order_id`,
    due: { confirmed: perOrder, declined: 0 },
  },
  {
    what: 'picks',
    service: 'warehouse',
    sql: 'select order_id, count(*) as n from picks group by order_id',
    due: { confirmed: 1, declined: 0 },
  },
  {
    what: 'customers told "confirmed"',
    service: 'notifications',
    sql: `select order_id, count(*) as n from notifications where text like '%confirmed%' group by order_id`,
    due: { confirmed: 1, declined: 0 },
  },
  {
    what: 'customers told "declined"',
    service: 'notifications',
    sql: `select order_id, count(*) as n from notifications where text like '%declined%' group by order_id`,
    due: { confirmed: 0, declined: 1 },
  },
];

/** Holds every effect of every order against what its customer was told, and the sums against each other. */
export async function readLedger(ask: Ask, told: Customers['told']): Promise<Ledger> {
  const lost: string[] = [];
  const doubled: string[] = [];
  const orders = new Map([...told.values()].map(({ orderId, what }) => [orderId, what]));
  if (orders.size < told.size) lost.push('two customers were told of one order');
  const count = (what: string): number =>
    [...orders.values()].filter((each) => each === what).length;
  const sums = { confirmed: count('confirmed'), declined: count('declined') };
  const lines: Ledger['lines'][number][] = [];
  for (const { what, service, sql, due } of effects) {
    const rows = await ask(service, sql);
    const found = new Map(rows.map((row) => [String(row['order_id']), Number(row['n'])]));
    for (const [orderId, decision] of orders) {
      const [is, should] = [found.get(orderId) ?? 0, due[decision]];
      if (is < should) lost.push(`${orderId}: ${String(is)} of ${String(should)} ${what}`);
      if (is > should) doubled.push(`${orderId}: ${String(is)} of ${String(should)} ${what}`);
      found.delete(orderId);
    }
    // Nobody was told of these: an effect without an order.
    for (const orderId of found.keys()) doubled.push(`${orderId}: ${what}, and nobody ordered`);
    const is = rows.reduce((sum, row) => sum + Number(row['n']), 0);
    const should = sums.confirmed * due.confirmed + sums.declined * due.declined;
    lines.push({ what, is, due: should });
  }
  doubled.push(...(await shelfFaults(ask)));
  const overall = async (sql: string): Promise<number> => {
    const counts = Object.keys(instances).map(
      async (service) => (await ask(service, sql))[0]?.['n'],
    );
    return (await Promise.all(counts)).reduce<number>((sum, n) => sum + Number(n ?? 0), 0);
  };
  return {
    ...{ told: sums, lines, lost, doubled },
    unsent: await overall('select count(*) as n from weft_outbox where sent_at is null'),
    deadLetters: await overall('select count(*) as n from weft_dead_letter'),
  };
}

/** What a shelf has and has promised is what was delivered; and it has promised what is reserved. */
async function shelfFaults(ask: Ask): Promise<readonly string[]> {
  const delivered = 1_000_000;
  const rows = await ask(
    'inventory',
    `select sku, available, reserved, (
            select coalesce(sum(json_extract(line.value, '$.quantity')), 0)
              from reservations, json_each(reservations.lines) as line
             where outcome = 'reserved' and released_at is null
               and json_extract(line.value, '$.sku') = shelves.sku) as promised
            from shelves where sku <> 'LAST-ONE'`,
  );
  return rows
    .filter(
      ({ available, reserved, promised }) =>
        reserved !== promised || Number(available) + Number(reserved) !== delivered,
    )
    .map(
      ({ sku, available, reserved, promised }) =>
        `${String(sku)}: ${String(available)} free and ${String(reserved)} reserved, ${String(promised)} promised`,
    );
}

/** Reads again until nothing is lost and nothing waits, or `withinMs` is over. */
export async function ledgerWhenSettled(
  ask: Ask,
  told: Customers['told'],
  withinMs: number,
): Promise<Ledger> {
  const end = systemClock.monotonic() + withinMs;
  for (;;) {
    const ledger = await readLedger(ask, told);
    const settled = ledger.lost.length === 0 && ledger.doubled.length === 0 && ledger.unsent === 0;
    if (settled || systemClock.monotonic() > end) return ledger;
    await systemClock.sleep(500);
  }
}

/** The ledger as a person reads it. */
export function ledgerText(ledger: Ledger): string {
  const { told, lines, lost, doubled, unsent, deadLetters } = ledger;
  const rows = lines.map(({ what, is, due }) =>
    [
      is === due ? '  =' : ' !!',
      String(is).padStart(10),
      `of ${String(due)}`.padEnd(14),
      what,
    ].join(' '),
  );
  return [
    `customers told: ${String(told.confirmed)} confirmed, ${String(told.declined)} declined`,
    ...rows,
    `lost ${String(lost.length)}, doubled ${String(doubled.length)}, unsent ${String(unsent)}, dead letters ${String(deadLetters)}`,
    ...[...lost, ...doubled].slice(0, 20).map((line) => `  ${line}`),
  ].join('\n');
}
