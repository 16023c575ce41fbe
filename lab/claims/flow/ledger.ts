import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '#mesh';
import type { Crew } from './crew.ts';
import { type DeskName, desks, type Flow, type OrderRow, type PartRow } from './wire.ts';

/** What all books of a flow say of some orders. */
export interface Ledger {
  readonly orders: ReadonlyMap<string, OrderRow>;
  readonly parts: Readonly<Record<DeskName, ReadonlyMap<string, PartRow>>>;
}

/** Reads the books of the orders whose ids begin with "<name>-". */
export function readLedger(crew: Crew, name: string): Ledger {
  const read = <Row extends { order_id: string }>(
    role: DeskName | 'orders',
    table: string,
  ): ReadonlyMap<string, Row> => {
    const db = new DatabaseSync(crew.database(role), { readOnly: true, timeout: 5000 });
    const rows = db
      .prepare(`select * from ${table} where order_id glob ? and order_id not glob '*-warm-*'`)
      .all(`${name}-*`) as unknown as Row[];
    db.close();
    return new Map(rows.map((row) => [row.order_id, row]));
  };
  return {
    orders: read('orders', 'orders'),
    parts: {
      inventory: read('inventory', 'parts'),
      payments: read('payments', 'parts'),
      warehouse: read('warehouse', 'parts'),
      notifications: read('notifications', 'parts'),
    },
  };
}

/** Whether nothing more is to be expected: every order of the book came to its end, in every book. */
function isSettled(flow: Flow, { orders, parts }: Ledger): boolean {
  // Whoever only asks has an end when the answers are there: nobody is left who would go on.
  if (flow === 'synchronous') return true;
  return [...orders.values()].every(({ order_id, status }) => {
    if (status === 'pending') return false;
    if (status === 'confirmed') return desks.every((desk) => parts[desk].has(order_id));
    return parts.inventory.get(order_id)?.state !== 'done';
  });
}

/** Waits until everything is settled, or for `withinMs`; gives what stands then. */
export async function settledLedger(crew: Crew, name: string, withinMs: number): Promise<Ledger> {
  const end = systemClock.monotonic() + withinMs;
  for (;;) {
    const ledger = readLedger(crew, name);
    if (isSettled(crew.flow, ledger) || systemClock.monotonic() > end) return ledger;
    await systemClock.sleep(100);
  }
}
