/** Customers in SQL. */
import type { Migration, Transaction } from '#mesh';
import type { Customer } from './customer.ts';

export const customerMigrations: readonly Migration[] = [
  {
    name: '001-customers',
    up: `
      create table customers (
        customer_id text primary key,
        name text not null,
        email text not null
      );
    `,
  },
];

/** The tables of this service, as Kysely sees them. */
export interface CustomersDb {
  customers: { customer_id: string; name: string; email: string };
}

/** Writes a customer down; false if they were before. */
export async function addCustomer(
  tx: Transaction<CustomersDb>,
  { customerId, name, email }: Customer,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows: added } = await tx
    .insertInto('customers')
    .values({ customer_id: customerId, name, email })
    .onConflict((conflict) => conflict.column('customer_id').doNothing())
    .executeTakeFirstOrThrow();
  return added === 1n;
}
