import { beforeEach, expect, test } from '@jest/globals';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import type { PaidBonus } from './payout.ts';
import {
  createPayoutsStore,
  type PayoutsDb,
  type PayoutsStore,
  payoutsMigrations,
} from './store.ts';

onEachDatabase<PayoutsDb>(payoutsMigrations, (database) => {
  let store: Store<PayoutsDb>;
  let payouts: PayoutsStore;
  beforeEach(async () => {
    store = await database.open();
    payouts = createPayoutsStore(store);
  });

  const bonus = (bonusId: string, courierId = 'ada'): PaidBonus => ({
    ...{ bonusId, courierId, cents: 150 },
  });
  const accept = (it: PaidBonus): Promise<void> =>
    store.transaction((tx) => payouts.accept(tx, it));

  test('a bonus adds to the account of its courier once', async () => {
    for (const it of [bonus('a'), bonus('a'), bonus('b'), bonus('c', 'bob')]) await accept(it);
    expect(await payouts.bonusCents('ada')).toBe(300);
    expect(await payouts.bonusCents('bob')).toBe(150);
    expect(await payouts.bonusCents('nobody')).toBe(0);
    expect(await payouts.bonuses('ada')).toEqual([bonus('a'), bonus('b')]);
    expect(await payouts.bonuses()).toHaveLength(3);
  });

  test('of a courier the last copy is kept', async () => {
    const copy = { courierId: 'ada', deliveries: 1, asOfMs: 1_800_000_000_000 };
    await store.transaction((tx) => payouts.keep(tx, copy));
    await store.transaction((tx) => payouts.keep(tx, { ...copy, deliveries: 2 }));
    expect(await payouts.copyOf('ada')).toEqual({ ...copy, deliveries: 2 });
    expect(await payouts.copyOf('bob')).toBeUndefined();
  });
});
