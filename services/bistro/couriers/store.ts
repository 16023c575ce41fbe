/** Trips in SQL; one for each order. */
import type { Migration, Store, Transaction } from '#mesh';

export const courierMigrations: readonly Migration[] = [
  {
    name: '001-couriers',
    up: `
      create table trips (
        order_id text primary key,
        courier text not null,
        address text not null
      );
    `,
  },
];

export interface Trip {
  readonly orderId: string;
  readonly courier: string;
  readonly address: string;
}

/** The tables of this service, as Kysely sees them. */
export interface CouriersDb {
  trips: { order_id: string; courier: string; address: string };
}

export interface TripStore {
  /** Writes a trip down unless its order has one. */
  add(tx: Transaction<CouriersDb>, trip: Trip): Promise<void>;
  list(): Promise<readonly Trip[]>;
}

export function createTripStore({ db }: Store<CouriersDb>): TripStore {
  return {
    async add(tx, { orderId, courier, address }) {
      await tx
        .insertInto('trips')
        .values({ order_id: orderId, courier, address })
        .onConflict((conflict) => conflict.column('order_id').doNothing())
        .execute();
    },

    async list() {
      const rows = await db.selectFrom('trips').selectAll().orderBy('order_id').execute();
      return rows.map(({ order_id, ...row }) => ({ ...row, orderId: order_id }));
    },
  };
}
