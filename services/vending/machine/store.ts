/** What the service keeps beside its events: the sales, which are made from them and can be made again. */
import { DrinkDispensed } from '#gen/vending/machine/v1/events.ts';
import {
  type Migration,
  type ProjectionOptions,
  projects,
  type Store,
  sourcingMigrations,
} from '#mesh';

export interface VendingDb {
  sales: { item_id: string; count: number };
}

export const vendingMigrations: readonly Migration[] = [
  ...sourcingMigrations,
  {
    name: '001-sales',
    up: 'create table sales (item_id text primary key, count integer not null)',
  },
];

/** How often each item was dispensed. */
export const salesProjection: ProjectionOptions<VendingDb> = {
  name: 'sales',
  projectors: [
    projects(DrinkDispensed, async (tx, { itemId }) => {
      await tx
        .insertInto('sales')
        .values({ item_id: itemId, count: 1 })
        .onConflict((on) =>
          on.column('item_id').doUpdateSet((row) => ({ count: row('sales.count', '+', 1) })),
        )
        .execute();
    }),
  ],
  async reset(tx) {
    await tx.deleteFrom('sales').execute();
  },
};

/** The sales as far as they are projected, by item. */
export function listSales(store: Store<VendingDb>): Promise<{ itemId: string; count: number }[]> {
  return store.db
    .selectFrom('sales')
    .select(['item_id as itemId', 'count'])
    .orderBy('item_id')
    .execute();
}
