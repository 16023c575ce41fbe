import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import {
  confirm,
  decline,
  type PendingOrder,
  type Placement,
  place,
  price,
  ship,
} from './order.ts';
import { createOrderStore, type OrderStore, type OrdersDb, orderMigrations } from './store.ts';

const total = { minorUnits: 900, currency: 'EUR' };
const trace = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), state: 'rojo=1' };
const origin = { trace, baggage: new Map([['tenant', { value: 'blue' }]]) };
const entry = { fingerprint: 'f', leaseUntilMs: 100, origin };

function placement(idempotencyKey: string): Placement {
  const lines = [{ sku: 'TEA-GREEN', quantity: 2 }];
  return { idempotencyKey, customerId: 'ada', lines, cardToken: 'tok_visa' };
}

onEachDatabase<OrdersDb>(orderMigrations, (database) => {
  let store: Store<OrdersDb>;
  let orders: OrderStore;
  let elsewhere: OrderStore;

  beforeEach(async () => {
    store = await database.open();
    orders = createOrderStore(store);
    elsewhere = createOrderStore(await database.open());
  });

  async function placed(orderId: string): Promise<PendingOrder> {
    const asked = placement(`key-${orderId}`);
    const order = place(asked, orderId, 10);
    await orders.place(asked, order, entry);
    return order;
  }

  describe('placing an order', () => {
    test('writes it undecided, with what is needed to decide it', async () => {
      const asked = placement('key-0001');
      const order = place(asked, 'ord_1', 10);
      expect(await orders.place(asked, order, entry)).toEqual({
        fingerprint: 'f',
        orderId: 'ord_1',
        state: 'undecided',
        undecided: { order, cardToken: 'tok_visa', faults: 0, origin },
      });
      expect(await orders.find('ord_1')).toEqual(order);
    });

    test('under one key writes one order, however many instances try at once', async () => {
      const asked = placement('key-0001');
      const known = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          (i % 2 === 0 ? orders : elsewhere).place(
            asked,
            place(asked, `ord_${String(i)}`, 10),
            entry,
          ),
        ),
      );
      expect(new Set(known.map(({ orderId }) => orderId)).size).toBe(1);
    });

    test('under the key of a decided order returns the decision', async () => {
      const declined = decline(await placed('ord_1'), 'OUT_OF_STOCK', 20);
      await store.transaction((tx) => orders.settle(tx, declined));
      const again = placement('key-ord_1');
      expect(await orders.place(again, place(again, 'ord_2', 30), entry)).toMatchObject({
        state: 'decided',
        order: declined,
      });
    });
  });

  describe('the decision', () => {
    test('is written once: the second one to decide is told so', async () => {
      const order = await placed('ord_1');
      const first = confirm(order, total, 20);
      expect(await store.transaction((tx) => orders.settle(tx, first))).toBe(true);
      const second = decline(order, 'CARD_DECLINED', 30);
      expect(await store.transaction((tx) => orders.settle(tx, second))).toBe(false);
      expect(await orders.find('ord_1')).toEqual(first);
    });

    test('empties the card token', async () => {
      const order = await placed('ord_1');
      await store.transaction((tx) => orders.settle(tx, confirm(order, total, 20)));
      const row = await store.db.selectFrom('orders').select('card_token').executeTakeFirst();
      expect(row).toEqual({ card_token: '' });
    });

    test('keeps the price of an order that was declined after it was reserved', async () => {
      const declined = decline(price(await placed('ord_1'), total), 'CARD_DECLINED', 20);
      await store.transaction((tx) => orders.settle(tx, declined));
      expect(await orders.find('ord_1')).toEqual(declined);
    });
  });

  describe('undecided orders', () => {
    const claim = { nowMs: 100, untilMs: 200, limit: 10 };

    test('are left alone while somebody is deciding them', async () => {
      await placed('ord_1');
      expect(await orders.claimDue({ ...claim, nowMs: 99 })).toEqual([]);
      expect(await orders.claimDue(claim)).toHaveLength(1);
      expect(await elsewhere.claimDue(claim)).toEqual([]);
      expect(await elsewhere.claimDue({ ...claim, nowMs: 200 })).toHaveLength(1);
    });

    test('are taken by one instance each', async () => {
      for (let i = 0; i < 20; i++) await placed(`ord_${String(i)}`);
      const taken = await Promise.all(
        [orders, elsewhere, orders, elsewhere].map((each) => each.claimDue({ ...claim, limit: 6 })),
      );
      const ids = taken.flat().map(({ order }) => order.orderId);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBeGreaterThanOrEqual(12);
    });

    test('remember their price and what went wrong', async () => {
      const order = await placed('ord_1');
      await orders.postpone(price(order, total), { dueMs: 150, faults: 1 });
      await orders.postpone(order, { dueMs: 160, faults: 2 });
      expect(await orders.claimDue({ ...claim, nowMs: 159 })).toEqual([]);
      expect(await orders.claimDue({ ...claim, nowMs: 160 })).toEqual([
        { order: price(order, total), cardToken: 'tok_visa', faults: 2, origin },
      ]);
    });

    test('are no longer among them once they are decided', async () => {
      const order = await placed('ord_1');
      await store.transaction((tx) => orders.settle(tx, confirm(order, total, 20)));
      await orders.postpone(order, { dueMs: 50, faults: 0 });
      expect(await orders.claimDue(claim)).toEqual([]);
    });
  });

  describe('shipping', () => {
    test('moves a confirmed order on, once', async () => {
      const confirmed = confirm(await placed('ord_1'), total, 20);
      await store.transaction((tx) => orders.settle(tx, confirmed));
      const shipped = await store.transaction((tx) => orders.ship(tx, 'ord_1', 30));
      expect(shipped).toEqual(ship(confirmed, 30));
      expect(await store.transaction((tx) => orders.ship(tx, 'ord_1', 40))).toEqual(shipped);
    });

    test('leaves any other order as it is', async () => {
      const order = await placed('ord_1');
      expect(await store.transaction((tx) => orders.ship(tx, 'ord_1', 30))).toEqual(order);
      expect(await store.transaction((tx) => orders.ship(tx, 'ord_2', 30))).toBeUndefined();
    });
  });
});
