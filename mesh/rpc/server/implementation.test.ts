import { expect, test } from '@jest/globals';
import {
  type ImportStockRequest,
  type ImportStockResponse,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { Order, OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import type { WarehouseServiceDefinition } from '../../../gen/shop/warehouse/v1/warehouse.ts';
import type { HandlerContext, Implementation } from './implementation.ts';

/**
 * What does not compile must not compile: tsc checks the lines marked @ts-expect-error, and fails where one
 * of them is no error any more. What is run here only keeps the names in use.
 */

type Orders = Implementation<typeof OrdersServiceDefinition>;

const answer = { order: Order.create({ orderId: 'ord_1' }) };

const orders: Orders = {
  placeOrder: ({ lines }) => Promise.resolve(lines.length > 0 ? answer : { order: undefined }),
  getOrder: (request, context: HandlerContext) =>
    Promise.resolve({ order: Order.create({ orderId: request.orderId + context.peer }) }),
  async *watchOrder() {
    yield answer;
  },
};

test('a handler of each kind is inferred from the definition', () => {
  const importStock: Implementation<typeof InventoryServiceDefinition>['importStock'] = async (
    requests: AsyncIterable<ImportStockRequest>,
  ): Promise<ImportStockResponse> => {
    let articles = 0;
    for await (const { sku } of requests) if (sku !== '') articles++;
    return { articles, pieces: 0n, alreadyBooked: false };
  };
  expect([InventoryServiceDefinition, OrdersServiceDefinition, orders, importStock]).toHaveLength(
    4,
  );
});

test('what is missing or wrong does not compile', () => {
  // @ts-expect-error watchOrder is missing
  const missing: Orders = { placeOrder: orders.placeOrder, getOrder: orders.getOrder };
  // @ts-expect-error a response of another type
  const wrong: Orders = { ...orders, getOrder: () => Promise.resolve({ pick: undefined }) };
  // @ts-expect-error a field that the request does not have
  const field: Orders = { ...orders, getOrder: ({ sku }) => Promise.resolve(sku) };
  // @ts-expect-error a promise where a stream is wanted
  const stream: Orders = { ...orders, watchOrder: () => Promise.resolve(answer) };
  const bidi: Implementation<typeof WarehouseServiceDefinition> = {
    // @ts-expect-error one request where a stream of them comes in
    pickOrders: async function* ({ message }) {
      if (message === undefined) yield { pick: undefined };
    },
    getPick: () => Promise.resolve({ pick: undefined }),
  };
  expect([missing, wrong, field, stream, bidi]).toHaveLength(5);
});
