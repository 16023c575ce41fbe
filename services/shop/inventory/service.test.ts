import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ImportStockRequest,
  InventoryServiceDefinition,
  ReserveOutcome,
} from '#gen/shop/inventory/v1/inventory.ts';
import { PricesServiceDefinition, type SetPriceResponse } from '#gen/shop/inventory/v1/prices.ts';
import type { Money } from '#gen/shop/money/v1/money.ts';
import { OrderDeclined } from '#gen/shop/orders/v1/events.ts';
import type { AppTools, Client } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { inventoryParts } from './parts.ts';
import { inventoryMigrations } from './store.ts';

let mesh: InProcessMesh;
let inventory: Client<InventoryServiceDefinition>;

beforeEach(async () => {
  mesh = createInProcessMesh();
  await mesh.start({
    name: 'inventory',
    migrations: inventoryMigrations,
    build: inventoryParts,
  });
  inventory = mesh.client(InventoryServiceDefinition);
});

afterEach(() => mesh.close());

const stockOf = async (sku: string): Promise<[bigint | undefined, bigint | undefined]> => {
  const { item } = await inventory.getStock({ sku });
  return [item?.available, item?.reserved];
};

describe('Reserve', () => {
  test('answers with the price, and again with the same', async () => {
    const request = { orderId: 'ord_1', lines: [{ sku: 'TEA-GREEN', quantity: 2 }] };
    const answer = await inventory.reserve(request);
    expect(answer).toEqual({
      outcome: ReserveOutcome.RESERVED,
      sku: '',
      total: { minorUnits: 900n, currencyCode: 'EUR' },
    });
    expect(await inventory.reserve(request)).toEqual(answer);
    expect(await stockOf('TEA-GREEN')).toEqual([999_998n, 2n]);
  });

  test('names the article that is sold out, or not sold', async () => {
    const lastOne = { sku: 'LAST-ONE', quantity: 2 };
    expect(await inventory.reserve({ orderId: 'ord_1', lines: [lastOne] })).toEqual({
      outcome: ReserveOutcome.OUT_OF_STOCK,
      sku: 'LAST-ONE',
      total: undefined,
    });
    const unknown = { sku: 'NO-SUCH', quantity: 1 };
    expect(await inventory.reserve({ orderId: 'ord_2', lines: [unknown] })).toEqual({
      outcome: ReserveOutcome.UNKNOWN_SKU,
      sku: 'NO-SUCH',
      total: undefined,
    });
  });

  test('gives back when the order is declined, and refuses it ever after if that came first', async () => {
    const orders = await new Promise<AppTools<unknown>>((resolve, reject) => {
      const build = (tools: AppTools<unknown>) => {
        resolve(tools);
        return { services: [] };
      };
      mesh.start({ name: 'orders', build }).catch(reject);
    });
    const lines = [{ sku: 'TEA-GREEN', quantity: 2 }];
    await inventory.reserve({ orderId: 'ord_1', lines });
    for (const orderId of ['ord_2', 'ord_1']) {
      const event = { orderId, customerId: 'ada', reason: 'CARD_DECLINED', occurredAt: undefined };
      await orders.store.transaction((tx) => orders.events.publish(tx, OrderDeclined, event));
    }
    await eventually(async () => (await stockOf('TEA-GREEN'))[1] === 0n);
    const error = await errorOf(inventory.reserve({ orderId: 'ord_2', lines }));
    expect(error).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'ORDER_DECLINED' });
    expect(await stockOf('TEA-GREEN')).toEqual([1_000_000n, 0n]);
  });
});

test('the stock of an article that is not sold is NOT_FOUND', async () => {
  const error = await errorOf(inventory.getStock({ sku: 'NO-SUCH' }));
  expect(error).toMatchObject({ status: 'NOT_FOUND', reason: 'UNKNOWN_SKU' });
});

describe('ImportStock', () => {
  async function* stream(...items: ImportStockRequest[]): AsyncGenerator<ImportStockRequest> {
    yield* items;
  }
  const item = (over: Partial<ImportStockRequest> = {}): ImportStockRequest => ({
    ...{ deliveryId: 'del-1', sku: 'TEA-GREEN', quantity: 5, unitPrice: undefined },
    ...over,
  });
  const unitPrice = { minorUnits: 700n, currencyCode: 'EUR' };

  test('books a delivery once', async () => {
    const items = [item(), item({ sku: 'NEW', quantity: 7, unitPrice })];
    const booked = { articles: 2, pieces: 12n, alreadyBooked: false };
    expect(await inventory.importStock(stream(...items))).toEqual(booked);
    expect(await inventory.importStock(stream(...items))).toEqual({
      ...booked,
      alreadyBooked: true,
    });
    expect(await stockOf('NEW')).toEqual([7n, 0n]);
    expect(await stockOf('TEA-GREEN')).toEqual([1_000_005n, 0n]);
  });

  test.each<[string, ImportStockRequest[], string, string]>([
    ['nothing', [], 'delivery_id', 'REQUIRED'],
    [
      'two deliveries',
      [item(), item({ deliveryId: 'del-2' })],
      '[1].delivery_id',
      'MIXED_DELIVERIES',
    ],
    ['a new article without a price', [item({ sku: 'NEW' })], '[0].unit_price', 'REQUIRED'],
    [
      'a foreign price',
      [item({ unitPrice: { ...unitPrice, currencyCode: 'USD' } })],
      '[0].unit_price.currency_code',
      'CURRENCY',
    ],
  ])('of %s books nothing and says why', async (_, items, field, reason) => {
    const error = await errorOf(inventory.importStock(stream(...items)));
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
    expect(error.details.violations).toMatchObject([{ field, reason }]);
    expect(await stockOf('TEA-GREEN')).toEqual([1_000_000n, 0n]);
  });

  test('checks each message by the schema', async () => {
    const error = await errorOf(inventory.importStock(stream(item(), item({ quantity: -1 }))));
    expect(error.status).toBe('INVALID_ARGUMENT');
    expect(error.details.violations).toMatchObject([{ field: 'quantity', reason: 'MIN' }]);
  });
});

describe('SetPrice', () => {
  const price = (minorUnits: bigint, currencyCode = 'EUR'): Money => ({ minorUnits, currencyCode });
  const setPrice = (sku: string, unitPrice: Money): Promise<SetPriceResponse> =>
    mesh.client(PricesServiceDefinition).setPrice({ sku, unitPrice });

  test('holds for reservations from then on', async () => {
    const { item } = await setPrice('TEA-GREEN', price(500n));
    expect(item?.unitPrice?.minorUnits).toBe(500n);
    const lines = [{ sku: 'TEA-GREEN', quantity: 2 }];
    const { total } = await inventory.reserve({ orderId: 'ord_1', lines });
    expect(total?.minorUnits).toBe(1000n);
  });

  test('refuses what is no price, and names an article that is not sold', async () => {
    expect((await errorOf(setPrice('TEA-GREEN', price(0n, 'USD')))).details.violations).toEqual([
      expect.objectContaining({ field: 'unit_price.minor_units', reason: 'MIN' }),
      expect.objectContaining({ field: 'unit_price.currency_code', reason: 'CURRENCY' }),
    ]);
    expect((await errorOf(setPrice('NO-SUCH', price(1n)))).reason).toBe('UNKNOWN_SKU');
  });
});
