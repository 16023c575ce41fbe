/** The audience in SQL. */
import type { Migration, Store, Transaction } from '#mesh';

export const marketingMigrations: readonly Migration[] = [
  {
    name: '001-marketing',
    up: `
      create table audience (
        customer_id text primary key,
        membership text not null
      );
    `,
  },
];

/** What has become of a customer's membership. */
type Membership = 'in' | 'left';

/** The tables of this service, as Kysely sees them. */
export interface MarketingDb {
  audience: { customer_id: string; membership: Membership };
}

export interface AudienceStore {
  /** Takes in who has registered; who has left stays out, however often it is told that they registered. */
  join(tx: Transaction<MarketingDb>, customerId: string): Promise<void>;
  /** Also of who is not known yet: their registration may still be on its way. */
  leave(tx: Transaction<MarketingDb>, customerId: string): Promise<void>;
  /** Those who are in, by their ids. */
  members(): Promise<readonly string[]>;
}

export function createAudienceStore({ db }: Store<MarketingDb>): AudienceStore {
  return {
    async join(tx, customerId) {
      // One statement: between a look and a write somebody may leave.
      await tx
        .insertInto('audience')
        .values({ customer_id: customerId, membership: 'in' })
        .onConflict((conflict) => conflict.column('customer_id').doNothing())
        .execute();
    },

    async leave(tx, customerId) {
      const left = { customer_id: customerId, membership: 'left' } as const;
      await tx
        .insertInto('audience')
        .values(left)
        .onConflict((conflict) => conflict.column('customer_id').doUpdateSet(left))
        .execute();
    },

    async members() {
      const rows = await db
        .selectFrom('audience')
        .select('customer_id')
        .where('membership', '=', 'in')
        .orderBy('customer_id')
        .execute();
      return rows.map(({ customer_id }) => customer_id);
    },
  };
}
