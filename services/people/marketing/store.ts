/** The audience in SQL. */
import type { Migration, Store, Transaction } from '#mesh';
import type { Membership } from './audience.ts';

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

/** The tables of this service, as Kysely sees them. */
export interface MarketingDb {
  audience: { customer_id: string; membership: Membership };
}

export interface AudienceStore {
  membershipOf(tx: Transaction<MarketingDb>, customerId: string): Promise<Membership | undefined>;
  put(tx: Transaction<MarketingDb>, customerId: string, membership: Membership): Promise<void>;
  /** Those who are in, by their ids. */
  members(): Promise<readonly string[]>;
}

export function createAudienceStore({ db }: Store<MarketingDb>): AudienceStore {
  return {
    async membershipOf(tx, customerId) {
      const row = await tx
        .selectFrom('audience')
        .select('membership')
        .where('customer_id', '=', customerId)
        .executeTakeFirst();
      return row?.membership;
    },

    async put(tx, customerId, membership) {
      await tx
        .insertInto('audience')
        .values({ customer_id: customerId, membership })
        .onConflict((conflict) => conflict.column('customer_id').doUpdateSet({ membership }))
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
