import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import type { DeliveryItem } from './stock.ts';
import {
  createStockStore,
  type InventoryDb,
  inventoryMigrations,
  type StockStore,
} from './store.ts';

onEachDatabase<InventoryDb>(inventoryMigrations, (database) => {
  let store: Store<InventoryDb>;
  let stock: StockStore;
  let elsewhere: StockStore;

  beforeEach(async () => {
    store = await database.open();
    stock = createStockStore(store);
    elsewhere = createStockStore(await database.open());
  });

  const green = (quantity: number) => [{ sku: 'TEA-GREEN', quantity }];
  const lastOne = [{ sku: 'LAST-ONE', quantity: 1 }];
  const release = (orderId: string): Promise<void> =>
    store.transaction((tx) => stock.release(tx, orderId, 50));
  const shelf = async (sku: string): Promise<{ available: number; reserved: number }> => {
    const found = await stock.find(sku);
    return { available: found?.available ?? -1, reserved: found?.reserved ?? -1 };
  };
  const deliver = (deliveryId: string, quantity: number, sku = 'TEA-GREEN'): DeliveryItem => ({
    ...{ deliveryId, quantity, sku },
  });

  test('the catalogue is on the shelves from the first start', async () => {
    const rows = await store.db.selectFrom('shelves').selectAll().orderBy('unit_price').execute();
    expect(rows.map(({ sku, available, unit_price }) => [sku, available, unit_price])).toEqual([
      ['TEA-BLACK', 1_000_000, 390],
      ['TEA-GREEN', 1_000_000, 450],
      ['LAST-ONE', 1, 999],
      ['MUG-WHITE', 1_000_000, 1200],
      ['POT-IRON', 1_000_000, 5900],
    ]);
  });

  describe('a reservation', () => {
    test('moves pieces from free to promised', async () => {
      expect(await stock.reserve('ord_1', green(3))).toMatchObject({
        outcome: 'reserved',
        total: 1350,
      });
      expect(await shelf('TEA-GREEN')).toEqual({ available: 999_997, reserved: 3 });
    });

    test('takes all lines or none', async () => {
      const lines = [...green(3), { sku: 'LAST-ONE', quantity: 2 }];
      expect(await stock.reserve('ord_1', lines)).toEqual({
        outcome: 'out-of-stock',
        sku: 'LAST-ONE',
      });
      expect(await shelf('TEA-GREEN')).toEqual({ available: 1_000_000, reserved: 0 });
    });

    test('is answered as the first time, even if the stock has changed', async () => {
      await stock.reserve('ord_1', lastOne);
      const refused = await stock.reserve('ord_2', lastOne);
      await stock.book([deliver('del-1', 5, 'LAST-ONE')], 1);
      expect(await elsewhere.reserve('ord_2', lastOne)).toEqual(refused);
      expect(await elsewhere.reserve('ord_1', lastOne)).toMatchObject({ outcome: 'reserved' });
      expect(await shelf('LAST-ONE')).toEqual({ available: 5, reserved: 1 });
    });

    test('asked for many times at once takes its pieces once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          (i % 2 === 0 ? stock : elsewhere).reserve('ord_1', green(2)),
        ),
      );
      expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['reserved']));
      expect(await shelf('TEA-GREEN')).toEqual({ available: 999_998, reserved: 2 });
    });

    test('never sells what is not there, however many orders come at once', async () => {
      await stock.book([deliver('del-1', 9, 'LAST-ONE')], 1);
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          (i % 2 === 0 ? stock : elsewhere).reserve(
            `ord_${String(i)}`,
            // Articles in both orders: locks that were taken as they come would wait for each other.
            i % 3 === 0 ? [...lastOne, ...green(1)] : [...green(1), ...lastOne],
          ),
        ),
      );
      const sold = answers.filter(({ outcome }) => outcome === 'reserved').length;
      expect(sold).toBe(10);
      expect(await shelf('LAST-ONE')).toEqual({ available: 0, reserved: 10 });
      expect(await shelf('TEA-GREEN')).toEqual({ available: 999_990, reserved: 10 });
    });
  });

  describe('a release', () => {
    test('gives back what was reserved, once', async () => {
      await stock.reserve('ord_1', green(3));
      await release('ord_1');
      await release('ord_1');
      expect(await shelf('TEA-GREEN')).toEqual({ available: 1_000_000, reserved: 0 });
    });

    test('of an order for which nothing was taken changes nothing', async () => {
      await stock.reserve('ord_1', [{ sku: 'NO-SUCH', quantity: 1 }]);
      await release('ord_1');
      expect(await stock.reserve('ord_1', green(1))).toEqual({
        outcome: 'unknown-sku',
        sku: 'NO-SUCH',
      });
    });

    test('that overtakes its reservation keeps it from ever being made', async () => {
      await release('ord_1');
      expect(await stock.reserve('ord_1', green(3))).toEqual({ outcome: 'void' });
      expect(await shelf('TEA-GREEN')).toEqual({ available: 1_000_000, reserved: 0 });
    });

    test('beside its reservation leaves nothing promised', async () => {
      for (let i = 0; i < 10; i++) {
        const orderId = `ord_${String(i)}`;
        await Promise.all([elsewhere.reserve(orderId, green(1)), release(orderId)]);
      }
      expect(await shelf('TEA-GREEN')).toEqual({ available: 1_000_000, reserved: 0 });
    });
  });

  describe('a delivery', () => {
    test('is booked once, and answered as the first time', async () => {
      const items = [deliver('del-1', 5), deliver('del-1', 7), deliver('del-1', 1, 'LAST-ONE')];
      const results = await Promise.all([stock, elsewhere, stock].map((s) => s.book(items, 1)));
      expect(results.map((result) => result.kind === 'booked' && result.before).sort()).toEqual([
        false,
        true,
        true,
      ]);
      for (const result of results) expect(result).toMatchObject({ articles: 2, pieces: 13 });
      expect(await shelf('TEA-GREEN')).toMatchObject({ available: 1_000_012 });
    });

    test('brings new articles and new prices', async () => {
      const unitPrice = { minorUnits: 700n, currency: 'EUR' };
      await stock.book(
        [
          { ...deliver('del-1', 5, 'NEW'), unitPrice },
          { ...deliver('del-1', 1), unitPrice },
        ],
        1,
      );
      expect(await stock.find('NEW')).toMatchObject({ available: 5, unitPrice: 700 });
      expect(await stock.find('TEA-GREEN')).toMatchObject({ available: 1_000_001, unitPrice: 700 });
    });

    test('with an article that is new and has no price books nothing, and may be sent again', async () => {
      const items = [deliver('del-1', 5), deliver('del-1', 5, 'NEW')];
      expect(await stock.book(items, 1)).toMatchObject({ kind: 'refused', faults: [{ index: 1 }] });
      expect(await shelf('TEA-GREEN')).toMatchObject({ available: 1_000_000 });
      expect(await stock.book(items.slice(0, 1), 1)).toMatchObject({ before: false });
    });
  });

  test('pieces are neither made nor lost, whatever comes in whatever order', async () => {
    const orderId = fc.integer({ min: 0, max: 5 }).map((n) => `ord_${String(n)}`);
    const line = fc.record({
      sku: fc.constantFrom('LAST-ONE', 'TEA-GREEN', 'NO-SUCH'),
      quantity: fc.integer({ min: 1, max: 3 }),
    });
    const step = fc.oneof(
      fc.record({
        reserve: orderId,
        lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ release: orderId }),
      fc.record({ deliver: fc.nat(3), quantity: fc.integer({ min: 1, max: 4 }) }),
    );
    let run = 0;
    const pieces = async (): Promise<number> => {
      const one = await shelf('LAST-ONE');
      return one.available + one.reserved;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15, size: 'max' }), async (steps) => {
        const mark = `r${String(run++)}_`;
        const before = await pieces();
        let delivered = 0;
        const take = async (each: (typeof steps)[number]): Promise<void> => {
          if ('reserve' in each) await elsewhere.reserve(mark + each.reserve, each.lines);
          else if ('release' in each) await release(mark + each.release);
          else {
            const id = `${mark}${String(each.deliver)}`;
            const result = await stock.book([deliver(id, each.quantity, 'LAST-ONE')], 1);
            if (result.kind === 'booked' && !result.before) delivered += result.pieces;
          }
        };
        await Promise.all(steps.map(take));
        expect(await pieces()).toBe(before + delivered);
      }),
      { numRuns: 25 },
    );
    const rows = await store.db.selectFrom('reservations').selectAll().execute();
    const promised = rows
      .filter((row) => row.outcome === 'reserved' && row.released_at === null)
      .flatMap((row) => JSON.parse(row.lines) as { sku: string; quantity: number }[])
      .filter(({ sku }) => sku === 'LAST-ONE')
      .reduce((sum, { quantity }) => sum + quantity, 0);
    expect((await shelf('LAST-ONE')).reserved).toBe(promised);
  });
});
