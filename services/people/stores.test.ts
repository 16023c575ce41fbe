/** What customers and marketing keep, on both databases; e-mail has a test of its own. */
import { afterEach, expect, test } from '@jest/globals';
import { type Migration, openStore, type Store } from '#mesh';
import { onEachDialect } from '../../mesh/testing/databases.ts';
import { addCustomer, type CustomersDb, customerMigrations } from './customers/store.ts';
import { createAudienceStore, type MarketingDb, marketingMigrations } from './marketing/store.ts';

onEachDialect((urlOf) => {
  const opened: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  /** Two instances on one database. */
  async function open<DB>(
    name: string,
    migrations: readonly Migration[],
  ): Promise<readonly [Store<DB>, Store<DB>]> {
    const url = await urlOf(name);
    const one = await openStore<DB>({ url, migrations });
    const other = await openStore<DB>({ url, migrations });
    opened.push(one, other);
    return [one, other];
  }

  test('a customer who registers at two instances at once is new to one of them', async () => {
    const stores = await open<CustomersDb>('customers', customerMigrations);
    for (let round = 1; round <= 10; round++) {
      const customer = { customerId: `c-${String(round)}`, name: 'Ada', email: 'ada@example.org' };
      const added = await Promise.all(
        stores.map((store) => store.transaction((tx) => addCustomer(tx, customer))),
      );
      expect(added.sort()).toEqual([false, true]);
    }
  });

  test('who leaves stays out, also while their registration is being heard', async () => {
    const [one, other] = await open<MarketingDb>('marketing', marketingMigrations);
    const audience = createAudienceStore(one);
    const ids = Array.from({ length: 30 }, (_, i) => `c-${String(i)}`);
    await Promise.all(
      ids.flatMap((id) => [
        one.transaction((tx) => audience.join(tx, id)),
        other.transaction((tx) => audience.leave(tx, id)),
      ]),
    );
    await one.transaction((tx) => audience.join(tx, 'c-0'));
    expect(await audience.members()).toEqual([]);
    await one.transaction((tx) => audience.join(tx, 'ada'));
    expect(await audience.members()).toEqual(['ada']);
  });
});
