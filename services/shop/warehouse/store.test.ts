import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import type { Confirmation, Pick } from './pick.ts';
import {
  createPickStore,
  type PickStore,
  type Session,
  type WarehouseDb,
  warehouseMigrations,
} from './store.ts';

const one: Session = { sessionId: 's1', terminalId: 'T1' };
const two: Session = { sessionId: 's2', terminalId: 'T2' };

onEachDatabase<WarehouseDb>(warehouseMigrations, (database) => {
  let store: Store<WarehouseDb>;
  let picks: PickStore;
  let elsewhere: PickStore;

  beforeEach(async () => {
    store = await database.open();
    picks = createPickStore(store);
    elsewhere = createPickStore(await database.open());
  });

  const lines = [{ sku: 'TEA-GREEN', quantity: 2 }];
  const open = (orderId: string, createdAtMs = 1): Promise<void> =>
    store.transaction((tx) => picks.add(tx, { orderId, customerId: 'ada', lines, createdAtMs }));
  const confirm = (
    orderId: string,
    { terminalId }: Session,
    nowMs = 50,
  ): Promise<{ confirmation: Confirmation; pick: Pick | undefined }> =>
    store.transaction((tx) => picks.confirm(tx, { orderId, terminalId, nowMs }));
  const claim = { nowMs: 10, untilMs: 100, limit: 10 };
  const ids = (given: readonly Pick[]): string[] => given.map(({ orderId }) => orderId);

  test('an order is picked once, however often it is confirmed', async () => {
    await open('ord_1', 1);
    await open('ord_1', 2);
    expect(await picks.find('ord_1')).toEqual({
      ...{ orderId: 'ord_1', customerId: 'ada', lines, createdAtMs: 1 },
      ...{ status: 'open', lastTerminalId: undefined },
    });
  });

  describe('a terminal', () => {
    test('is given the oldest picks, as many as it can hold', async () => {
      for (const [orderId, at] of [
        ['c', 3],
        ['a', 1],
        ['b', 2],
      ] as const) {
        await open(orderId, at);
      }
      expect(ids(await picks.claim(one, { ...claim, limit: 2 }))).toEqual(['a', 'b']);
      expect(ids(await picks.claim(two, claim))).toEqual(['c']);
      expect(await picks.find('a')).toMatchObject({ status: 'assigned', terminalId: 'T1' });
    });

    test('is given no pick that another one is given, on whatever instance', async () => {
      for (let i = 0; i < 20; i++) await open(`ord_${String(i)}`, i);
      const given = await Promise.all([
        picks.claim(one, { ...claim, limit: 6 }),
        elsewhere.claim(two, { ...claim, limit: 6 }),
        picks.claim({ ...one, sessionId: 's3' }, { ...claim, limit: 6 }),
      ]);
      expect(new Set(ids(given.flat())).size).toBe(given.flat().length);
    });

    test('loses what it holds when its lease runs out, and keeps it when it is renewed', async () => {
      await open('ord_1');
      await open('ord_2');
      await picks.claim(one, claim);
      expect(await picks.claim(two, { ...claim, nowMs: 99 })).toEqual([]);
      expect([...(await picks.renew(one, 200))].sort()).toEqual(['ord_1', 'ord_2']);
      expect(await picks.claim(two, { ...claim, nowMs: 199 })).toEqual([]);
      const late = { nowMs: 200, untilMs: 300, limit: 1 };
      expect(await picks.claim(two, late)).toHaveLength(1);
      expect(await picks.renew(one, 400)).toHaveLength(1);
    });

    test('gives back what it holds, and nothing of its other streams', async () => {
      await open('ord_1', 1);
      await open('ord_2', 2);
      await picks.claim(one, { ...claim, limit: 1 });
      await picks.claim({ ...one, sessionId: 's3' }, claim);
      await picks.giveBack(one);
      expect(await picks.find('ord_1')).toMatchObject({ status: 'open', lastTerminalId: 'T1' });
      expect(await picks.find('ord_2')).toMatchObject({ status: 'assigned' });
    });
  });

  describe('a packed pick', () => {
    test('is shipped, and given to nobody again', async () => {
      await open('ord_1');
      await picks.claim(one, claim);
      expect(await confirm('ord_1', one)).toMatchObject({
        confirmation: { kind: 'ship' },
        pick: { customerId: 'ada' },
      });
      await picks.giveBack(one);
      expect(await picks.claim(two, { ...claim, nowMs: 1000 })).toEqual([]);
      expect(await picks.find('ord_1')).toMatchObject({ status: 'shipped', shippedAtMs: 50 });
    });

    test('confirmed twice is shipped once', async () => {
      await open('ord_1');
      await picks.claim(one, claim);
      const kinds = await Promise.all([confirm('ord_1', one), confirm('ord_1', one)]);
      expect(kinds.map(({ confirmation }) => confirmation.kind).sort()).toEqual([
        'ship',
        'shipped-before',
      ]);
    });

    test('of another terminal is not shipped', async () => {
      await open('ord_1');
      await picks.claim(one, claim);
      expect(await confirm('ord_1', two)).toMatchObject({ confirmation: { kind: 'refused' } });
      expect(await confirm('ord_9', one)).toMatchObject({ confirmation: { kind: 'refused' } });
      expect(await picks.find('ord_1')).toMatchObject({ status: 'assigned' });
    });

    test('whose lease ran out is shipped all the same if nobody else was given it', async () => {
      await open('ord_1');
      await picks.claim(one, claim);
      expect(await confirm('ord_1', one, 1000)).toMatchObject({ confirmation: { kind: 'ship' } });
    });
  });
});
