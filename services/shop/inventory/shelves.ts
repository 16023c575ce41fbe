/** The two things that are done to shelves for every order. */
import { type Prepared, prepare, type Store, type Transaction } from '#mesh';
import type { Shelf, StockLine } from './stock.ts';
import type { InventoryDb, ShelfRow } from './tables.ts';

/** Reads shelves and holds them until commit; always in the order of SKU, so that two never wait for each other. */
export type LockShelves = (
  tx: Transaction<InventoryDb>,
  lines: readonly Pick<StockLine, 'sku'>[],
) => Promise<ReadonlyMap<string, Shelf>>;

export function createLockShelves({ db, dialect }: Store<InventoryDb>): LockShelves {
  type Skus = Readonly<Record<`sku${number}`, string>>;
  // One statement for each number of articles: most orders have the same few.
  const prepared = new Map<number, Prepared<InventoryDb, Skus, ShelfRow>>();
  const prepareFor = (count: number): Prepared<InventoryDb, Skus, ShelfRow> =>
    prepare(db, (within, skus: Skus) =>
      within
        .selectFrom('shelves')
        .selectAll()
        .where(
          'sku',
          'in',
          Array.from({ length: count }, (_, i) => skus[`sku${i}`] ?? ''),
        )
        .orderBy('sku')
        // In SQLite the transaction is the only writer anyway.
        .$if(dialect === 'postgres', (query) => query.forUpdate()),
    );
  return async (tx, lines) => {
    const read = prepared.get(lines.length) ?? prepareFor(lines.length);
    prepared.set(lines.length, read);
    const { rows } = await read(
      tx,
      Object.fromEntries(lines.map(({ sku }, i) => [`sku${String(i)}`, sku])),
    );
    return new Map(rows.map((row) => [row.sku, shelfOf(row)]));
  };
}

/** Pieces only ever move between free and promised, so that their sum stays what was delivered. */
export function createMove({
  db,
}: Store<InventoryDb>): (
  tx: Transaction<InventoryDb>,
  lines: readonly StockLine[],
  direction: 'reserve' | 'release',
) => Promise<void> {
  const reserve = prepare(db, (within, it: StockLine) =>
    within
      .updateTable('shelves')
      .set((row) => ({
        available: row('available', '-', it.quantity),
        reserved: row('reserved', '+', it.quantity),
      }))
      .where('sku', '=', it.sku),
  );
  return async (tx, lines, direction) => {
    for (const { sku, quantity } of lines) {
      await reserve(tx, { sku, quantity: direction === 'reserve' ? quantity : -quantity });
    }
  };
}

export function shelfOf(row: ShelfRow): Shelf {
  return {
    sku: row.sku,
    available: row.available,
    reserved: row.reserved,
    unitPrice: row.unit_price,
  };
}
