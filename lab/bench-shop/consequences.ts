import { systemClock } from '#mesh';
import { type Row, rowsOf } from '../house/rows.ts';

/** When the consequences of an order were written, in wall ms. */
export interface Consequences {
  readonly notified: ReadonlyMap<string, number>;
  readonly picked: ReadonlyMap<string, number>;
}

/** When what followed from every order was written, by the id of the order. */
export function readConsequences(root: string): Consequences {
  const times = (rows: readonly Row[]): Map<string, number> =>
    new Map(rows.map((row) => [String(row['order_id']), Number(row['at'])]));
  return {
    notified: times(
      rowsOf(root, 'notifications', { sql: 'select order_id, sent_at as at from notifications' }),
    ),
    picked: times(
      rowsOf(root, 'warehouse', { sql: 'select order_id, created_at as at from picks' }),
    ),
  };
}

/**
 * Waits until there are as many notifications and picks as orders were decided, or `withinMs` is over. It
 * counts and does not look closer: what is measured is still running, and the audit comes afterwards.
 */
export async function settled(root: string, withinMs: number): Promise<void> {
  const count = (service: string, table: string, where = ''): number =>
    Number(rowsOf(root, service, { sql: `select count(*) as n from ${table} ${where}` })[0]?.['n']);
  const end = systemClock.monotonic() + withinMs;
  while (systemClock.monotonic() < end) {
    const due = count('orders', 'orders', "where status = 'confirmed'");
    const done = [count('notifications', 'notifications'), count('warehouse', 'picks')];
    if (Math.min(...done) >= due) return;
    await systemClock.sleep(100);
  }
}
