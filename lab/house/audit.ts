import { systemClock } from '#mesh';
import { type Row, rowsOf } from './rows.ts';
import { cents, pieces } from './shop.ts';

/** Everything the shop's databases say of the orders of one run. */
export interface Audit {
  readonly confirmed: number;
  /** Orders that were answered and are not there, or lack their money, their goods or their pick. */
  readonly lost: readonly string[];
  /** What was taken or made more than once for one order, in words. */
  readonly doubled: readonly string[];
  /** Confirmed orders whose customer was not told, or whose pick was not made. */
  readonly missing: number;
}

/**
 * Holds the books of all services against the answers that customers got. It reads the databases
 * themselves, past every service: what they say of themselves is what is being doubted.
 */
export function audit(
  root: string,
  { run, answered }: { run: string; answered: readonly string[] },
): Audit {
  const all = (service: string, sql: string, ...args: string[]): readonly Row[] =>
    rowsOf(root, service, { sql, args });
  const orders = all(
    'orders',
    `select order_id, idempotency_key from orders where status in ('confirmed', 'shipped') and idempotency_key like ?`,
    `${run}-%`,
  );
  const ids = new Set(orders.map((row) => String(row['order_id'])));
  const with_ = (service: string, sql: string): Map<string, number> =>
    new Map(all(service, sql).map((row) => [String(row['order_id']), Number(row['count'])]));
  const money = with_(
    'payments',
    `select order_id, sum(amount_minor) as count from payments where status = 'charged' group by order_id`,
  );
  const stock = with_(
    'inventory',
    `select order_id, sum(json_extract(line.value, '$.quantity')) as count
       from reservations, json_each(reservations.lines) as line
      where outcome = 'reserved' and released_at is null group by order_id`,
  );
  const picks = with_(
    'warehouse',
    'select order_id, count(*) as count from picks group by order_id',
  );
  const told = with_(
    'notifications',
    `select order_id, count(*) as count from notifications where text like '%confirmed%' group by order_id`,
  );
  const perOrder = Object.values(pieces).reduce((sum, count) => sum + count, 0);
  const lost: string[] = answered.filter((id) => !ids.has(id)).map((id) => `${id} is not there`);
  const doubled: string[] = [];
  for (const id of ids) {
    const checks = [
      ['cents charged', money.get(id) ?? 0, cents],
      ['pieces reserved', stock.get(id) ?? 0, perOrder],
      ['picks', picks.get(id) ?? 0, 1],
    ] as const;
    for (const [what, found, due] of checks) {
      if (found < due) lost.push(`${id}: ${String(found)} ${what}`);
      if (found > due) doubled.push(`${id}: ${String(found)} ${what}`);
    }
    if ((told.get(id) ?? 0) > 1) doubled.push(`${id}: told ${String(told.get(id))} times`);
  }
  const keys = new Set(orders.map((row) => row['idempotency_key']));
  if (keys.size < orders.length) doubled.push('one idempotency key stands for two orders');
  doubled.push(...shelfFaults(all));
  const missing = [...ids].filter((id) => !told.has(id) || !picks.has(id)).length;
  return { confirmed: ids.size, lost, doubled, missing };
}

/** Goods and reservations of the whole shop must add up, not only those of this run. */
function shelfFaults(all: (service: string, sql: string) => readonly Row[]): string[] {
  const rows = all(
    'inventory',
    `select sku, reserved, (
        select coalesce(sum(json_extract(line.value, '$.quantity')), 0)
          from reservations, json_each(reservations.lines) as line
         where outcome = 'reserved' and released_at is null
           and json_extract(line.value, '$.sku') = shelves.sku) as promised
       from shelves`,
  );
  return rows
    .filter((row) => row['reserved'] !== row['promised'])
    .map(
      (row) =>
        `${String(row['sku'])}: ${String(row['reserved'])} reserved for ${String(row['promised'])} promised`,
    );
}

/** Audits again until every consequence of the run has arrived, or `withinMs` is over. */
export async function auditWhenSettled(
  root: string,
  facts: { run: string; answered: readonly string[] },
  withinMs = 60_000,
): Promise<Audit> {
  const end = systemClock.monotonic() + withinMs;
  for (;;) {
    const books = audit(root, facts);
    const settled = books.missing === 0 && books.lost.length === 0;
    if (settled || systemClock.monotonic() > end) return books;
    await systemClock.sleep(500);
  }
}
