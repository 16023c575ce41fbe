import { describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '../../gen/shop/orders/v1/orders.ts';
import { WarehouseServiceDefinition } from '../../gen/shop/warehouse/v1/warehouse.ts';
import { defaultTarget, methodInfo } from './definition.ts';

describe('what the schema says of a method', () => {
  test('path, kind, idempotency and policy are read from the definition', () => {
    const { placeOrder } = OrdersServiceDefinition.methods;
    expect(methodInfo(OrdersServiceDefinition, placeOrder)).toEqual({
      service: 'shop.orders.v1.OrdersService',
      name: 'PlaceOrder',
      path: '/shop.orders.v1.OrdersService/PlaceOrder',
      kind: 'unary',
      idempotency: 'idempotent',
      policy: { timeoutMs: 5000 },
    });
  });

  test('a method without options has no policy of its own and may not be repeated', () => {
    const { pickOrders } = WarehouseServiceDefinition.methods;
    const info = methodInfo(WarehouseServiceDefinition, pickOrders);
    expect(info).toMatchObject({ kind: 'bidi', idempotency: 'unknown', policy: {} });
  });

  test('each of the four kinds is told apart', () => {
    const { watchOrder } = OrdersServiceDefinition.methods;
    const { importStock } = InventoryServiceDefinition.methods;
    expect(methodInfo(OrdersServiceDefinition, watchOrder).kind).toBe('server-stream');
    expect(methodInfo(InventoryServiceDefinition, importStock).kind).toBe('client-stream');
  });
});

describe('the default target of a service', () => {
  test.each([
    ['shop.orders.v1.OrdersService', 'orders'],
    ['shop.stock_keeping.v2beta1.Service', 'stock-keeping'],
    ['orders.OrdersService', 'orders'],
    ['OrdersService', 'ordersservice'],
  ])('%s is found as %s', (fullName, target) => {
    expect(defaultTarget(fullName)).toBe(target);
  });
});
