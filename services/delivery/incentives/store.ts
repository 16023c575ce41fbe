/** Deliveries, couriers and bonuses in SQL. */
import type { Migration, Store, Transaction } from '#mesh';
import { type Bonus, type Delivery, type Performance, wasInTime } from './bonus.ts';

/** One SQL text serves both databases. */
export const incentivesMigrations: readonly Migration[] = [
  {
    name: '001-incentives',
    up: `
      create table deliveries (
        delivery_id text primary key,
        courier_id text not null,
        minutes integer not null
      );
      create table couriers (
        courier_id text primary key,
        deliveries integer not null,
        in_time integer not null
      );
      create table unpaid_bonuses (
        bonus_id text primary key,
        courier_id text not null,
        cents integer not null
      );
    `,
  },
];

/** The tables of this service, as Kysely sees them. */
export interface IncentivesDb {
  deliveries: { delivery_id: string; courier_id: string; minutes: number };
  couriers: { courier_id: string; deliveries: number; in_time: number };
  /** The synchronous build only: what payouts has not accepted yet. */
  unpaid_bonuses: { bonus_id: string; courier_id: string; cents: number };
}

export interface IncentivesStore {
  /** Writes a delivery down; gives how its courier performs now, undefined if it was written before. */
  record(tx: Transaction<IncentivesDb>, delivery: Delivery): Promise<Performance | undefined>;
  performanceOf(courierId: string): Promise<Performance | undefined>;
  /** Puts a bonus into the batch. */
  batch(tx: Transaction<IncentivesDb>, bonus: Bonus): Promise<void>;
  /** Payouts has accepted it. */
  unbatch(bonusId: string): Promise<void>;
  isBatched(bonusId: string): Promise<boolean>;
  /** The batch, the oldest id first. */
  unpaid(): Promise<readonly Bonus[]>;
}

export function createIncentivesStore({ db }: Store<IncentivesDb>): IncentivesStore {
  return {
    async record(tx, delivery) {
      const { deliveryId: delivery_id, courierId: courier_id, minutes } = delivery;
      const { numInsertedOrUpdatedRows: added } = await tx
        .insertInto('deliveries')
        .values({ delivery_id, courier_id, minutes })
        .onConflict((conflict) => conflict.column('delivery_id').doNothing())
        .executeTakeFirstOrThrow();
      if (added !== 1n) return undefined;
      const inTime = wasInTime(delivery) ? 1 : 0;
      const row = await tx
        .insertInto('couriers')
        .values({ courier_id, deliveries: 1, in_time: inTime })
        .onConflict((conflict) =>
          conflict.column('courier_id').doUpdateSet((old) => ({
            deliveries: old('couriers.deliveries', '+', 1),
            in_time: old('couriers.in_time', '+', inTime),
          })),
        )
        .returningAll()
        .executeTakeFirstOrThrow();
      return fromRow(row);
    },

    async performanceOf(courierId) {
      const row = await db
        .selectFrom('couriers')
        .selectAll()
        .where('courier_id', '=', courierId)
        .executeTakeFirst();
      return row && fromRow(row);
    },

    async batch(tx, { bonusId, courierId, cents }) {
      const row = { bonus_id: bonusId, courier_id: courierId, cents };
      await tx.insertInto('unpaid_bonuses').values(row).execute();
    },

    async unbatch(bonusId) {
      await db.deleteFrom('unpaid_bonuses').where('bonus_id', '=', bonusId).execute();
    },

    async isBatched(bonusId) {
      const found = await db
        .selectFrom('unpaid_bonuses')
        .select('bonus_id')
        .where('bonus_id', '=', bonusId)
        .executeTakeFirst();
      return found !== undefined;
    },

    async unpaid() {
      const rows = await db.selectFrom('unpaid_bonuses').selectAll().orderBy('bonus_id').execute();
      return rows.map(({ bonus_id, courier_id, cents }) => {
        return { bonusId: bonus_id, courierId: courier_id, cents };
      });
    },
  };
}

function fromRow({ courier_id, deliveries, in_time }: IncentivesDb['couriers']): Performance {
  return { courierId: courier_id, deliveries, inTime: in_time };
}
