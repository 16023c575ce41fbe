/** Bonuses that were accepted, and the copy of performance, in SQL. */
import type { Migration, Store, Transaction } from '#mesh';
import type { PaidBonus } from './payout.ts';

/** One SQL text serves both databases: SQLite reads bigint as INTEGER. */
export const payoutsMigrations: readonly Migration[] = [
  {
    name: '001-payouts',
    up: `
      create table bonuses (
        bonus_id text primary key,
        courier_id text not null,
        cents integer not null
      );
      create table accounts (
        courier_id text primary key,
        bonus_cents bigint not null
      );
      create index bonuses_of_courier on bonuses (courier_id);
      create table performance (
        courier_id text primary key,
        deliveries integer not null,
        as_of bigint not null
      );
    `,
  },
];

/** The tables of this service, as Kysely sees them. */
export interface PayoutsDb {
  bonuses: { bonus_id: string; courier_id: string; cents: number };
  /** What bonuses come to: a sum, which nothing but the transaction keeps from adding one twice. */
  accounts: { courier_id: string; bonus_cents: number };
  /** As incentives wrote it at `as_of`, wall ms. */
  performance: { courier_id: string; deliveries: number; as_of: number };
}

/** A performance as incentives told of it. */
export interface Copy {
  readonly courierId: string;
  readonly deliveries: number;
  /** Wall ms of incentives. */
  readonly asOfMs: number;
}

export interface PayoutsStore {
  /** Accepts a bonus, and adds it to the account, unless it was accepted before. */
  accept(tx: Transaction<PayoutsDb>, bonus: PaidBonus): Promise<void>;
  /** Of one courier, or of all. */
  bonuses(courierId?: string): Promise<readonly PaidBonus[]>;
  bonusCents(courierId: string): Promise<number>;
  keep(tx: Transaction<PayoutsDb>, copy: Copy): Promise<void>;
  copyOf(courierId: string): Promise<Copy | undefined>;
}

export function createPayoutsStore({ db }: Store<PayoutsDb>): PayoutsStore {
  return {
    async accept(tx, { bonusId, courierId, cents }) {
      const { numInsertedOrUpdatedRows: added } = await tx
        .insertInto('bonuses')
        .values({ bonus_id: bonusId, courier_id: courierId, cents })
        .onConflict((conflict) => conflict.column('bonus_id').doNothing())
        .executeTakeFirstOrThrow();
      if (added !== 1n) return;
      await tx
        .insertInto('accounts')
        .values({ courier_id: courierId, bonus_cents: cents })
        .onConflict((conflict) =>
          conflict.column('courier_id').doUpdateSet((row) => ({
            bonus_cents: row('accounts.bonus_cents', '+', cents),
          })),
        )
        .execute();
    },

    async bonusCents(courierId) {
      const row = await db
        .selectFrom('accounts')
        .select('bonus_cents')
        .where('courier_id', '=', courierId)
        .executeTakeFirst();
      return row?.bonus_cents ?? 0;
    },

    async bonuses(courierId) {
      const all = db.selectFrom('bonuses').selectAll().orderBy('bonus_id');
      const wanted = courierId === undefined ? all : all.where('courier_id', '=', courierId);
      return (await wanted.execute()).map(({ bonus_id, courier_id, cents }) => {
        return { bonusId: bonus_id, courierId: courier_id, cents };
      });
    },

    async keep(tx, { courierId, deliveries, asOfMs }) {
      await tx
        .insertInto('performance')
        .values({ courier_id: courierId, deliveries, as_of: asOfMs })
        .onConflict((conflict) =>
          conflict.column('courier_id').doUpdateSet({ deliveries, as_of: asOfMs }),
        )
        .execute();
    },

    async copyOf(courierId) {
      const row = await db
        .selectFrom('performance')
        .selectAll()
        .where('courier_id', '=', courierId)
        .executeTakeFirst();
      return row && { courierId, deliveries: row.deliveries, asOfMs: row.as_of };
    },
  };
}
