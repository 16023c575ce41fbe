/** Dishes in SQL; one for each order. */
import type { Migration, Store, Transaction } from '#mesh';

export const kitchenMigrations: readonly Migration[] = [
  {
    name: '001-kitchen',
    up: `
      create table cooked (
        order_id text primary key,
        dish text not null,
        cook text not null,
        served integer not null default 0
      );
      create table published_menus (
        menu text primary key,
        edition integer not null
      );
    `,
  },
];

export interface CookedDish {
  readonly orderId: string;
  readonly dish: string;
  readonly cook: string;
  readonly served: boolean;
}

/** The tables of this service, as Kysely sees them. */
export interface KitchenDb {
  cooked: { order_id: string; dish: string; cook: string; served: number };
  published_menus: { menu: string; edition: number };
}

export interface KitchenStore {
  /** Cooks an order unless it was cooked before; gives who did. */
  cook(tx: Transaction<KitchenDb>, order: Omit<CookedDish, 'served'>): Promise<string>;
  serve(tx: Transaction<KitchenDb>, orderId: string): Promise<void>;
  cooked(): Promise<readonly CookedDish[]>;
  /** Notes that an edition is published; false if it was before. */
  publish(tx: Transaction<KitchenDb>, menu: string, edition: number): Promise<boolean>;
}

export function createKitchenStore({ db }: Store<KitchenDb>): KitchenStore {
  return {
    async cook(tx, { orderId, dish, cook }) {
      const row = await tx
        .insertInto('cooked')
        .values({ order_id: orderId, dish, cook, served: 0 })
        .onConflict((conflict) =>
          conflict.column('order_id').doUpdateSet((old) => ({ dish: old.ref('cooked.dish') })),
        )
        .returning('cook')
        .executeTakeFirstOrThrow();
      return row.cook;
    },

    async serve(tx, orderId) {
      await tx.updateTable('cooked').set({ served: 1 }).where('order_id', '=', orderId).execute();
    },

    async cooked() {
      const rows = await db.selectFrom('cooked').selectAll().orderBy('order_id').execute();
      return rows.map(({ order_id, served, ...row }) => ({
        ...{ ...row, orderId: order_id, served: served === 1 },
      }));
    },

    async publish(tx, menu, edition) {
      const { numInsertedOrUpdatedRows: changed } = await tx
        .insertInto('published_menus')
        .values({ menu, edition })
        .onConflict((conflict) =>
          conflict
            .column('menu')
            .doUpdateSet({ edition })
            .where('published_menus.edition', '<', edition),
        )
        .executeTakeFirstOrThrow();
      return changed === 1n;
    },
  };
}
