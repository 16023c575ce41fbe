import { beforeEach, expect, test } from '@jest/globals';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import type { Performance } from './bonus.ts';
import {
  createIncentivesStore,
  type IncentivesDb,
  type IncentivesStore,
  incentivesMigrations,
} from './store.ts';

onEachDatabase<IncentivesDb>(incentivesMigrations, (database) => {
  let store: Store<IncentivesDb>;
  let incentives: IncentivesStore;
  beforeEach(async () => {
    store = await database.open();
    incentives = createIncentivesStore(store);
  });

  const record = (deliveryId: string, minutes = 10): Promise<Performance | undefined> =>
    store.transaction((tx) => incentives.record(tx, { deliveryId, courierId: 'ada', minutes }));

  test('a delivery counts once, however often it is recorded', async () => {
    expect(await record('a')).toEqual({ courierId: 'ada', deliveries: 1, inTime: 1 });
    expect(await record('a')).toBeUndefined();
    expect(await record('b', 99)).toEqual({ courierId: 'ada', deliveries: 2, inTime: 1 });
    expect(await incentives.performanceOf('ada')).toMatchObject({ deliveries: 2, inTime: 1 });
    expect(await incentives.performanceOf('bob')).toBeUndefined();
  });

  test('a bonus is in the batch until it is taken out', async () => {
    const bonus = { bonusId: 'a', courierId: 'ada', cents: 150 };
    await store.transaction((tx) => incentives.batch(tx, bonus));
    expect(await incentives.unpaid()).toEqual([bonus]);
    expect(await incentives.isBatched('a')).toBe(true);
    await incentives.unbatch('a');
    expect(await incentives.isBatched('a')).toBe(false);
    expect(await incentives.unpaid()).toEqual([]);
  });
});
