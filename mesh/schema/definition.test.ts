import { describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { OrdersServiceDefinition } from '../../gen/shop/orders/v1/orders.ts';
import { WarehouseServiceDefinition } from '../../gen/shop/warehouse/v1/warehouse.ts';
import { Policy } from '../../gen/weft/v1/options.ts';
import { defaultTarget, type MethodDefinition, methodInfo } from './definition.ts';

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

describe('what the schema says of repeated calls', () => {
  const info = (
    idempotencyLevel: 'IDEMPOTENT' | 'NO_SIDE_EFFECTS' | 'IDEMPOTENCY_UNKNOWN',
    said: Partial<Policy>,
  ) => {
    const policy = Policy.encode({ ...Policy.create(), ...said }).finish();
    // As ts-proto keeps an option that it does not know: by tag, with its length before it.
    const raw = Uint8Array.from([policy.length, ...policy]);
    const method: MethodDefinition = {
      ...OrdersServiceDefinition.methods.placeOrder,
      options: { idempotencyLevel, _unknownFields: { [(50801 << 3) | 2]: [raw] } },
    };
    return methodInfo(OrdersServiceDefinition, method).policy;
  };

  test('hedging and further statuses are read', () => {
    const said = { maxExtraLoad: 0.01, retryOn: ['ABORTED', 'INTERNAL'] };
    expect(info('NO_SIDE_EFFECTS', said)).toEqual(said);
    expect(info('IDEMPOTENT', { retryOn: ['ABORTED'] })).toEqual({ retryOn: ['ABORTED'] });
  });

  test.each([
    ['hedging of what has effects', 'IDEMPOTENT', { maxExtraLoad: 0.01 }, 'NO_SIDE_EFFECTS'],
    ['retries of what may run once', 'IDEMPOTENCY_UNKNOWN', { retryOn: ['ABORTED'] }, 'IDEMPOTENT'],
    ['a status that is none', 'IDEMPOTENT', { retryOn: ['ABORT'] }, '"ABORT"'],
    ['a status that is no failure', 'IDEMPOTENT', { retryOn: ['OK'] }, '"OK"'],
    ['more than all calls twice', 'NO_SIDE_EFFECTS', { maxExtraLoad: 1.5 }, '0 to 1, not 1.5'],
    ['less than none', 'NO_SIDE_EFFECTS', { maxExtraLoad: -0.1 }, '0 to 1, not -0.1'],
    ['no number', 'NO_SIDE_EFFECTS', { maxExtraLoad: Number.NaN }, '0 to 1, not NaN'],
  ] as const)('%s is refused, and the method is named', (_, level, said, fault) => {
    const refused = expect.objectContaining({
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_POLICY',
      message: expect.stringContaining(fault),
    });
    const read = (): unknown =>
      info(level, { ...said, retryOn: [...('retryOn' in said ? said.retryOn : [])] });
    expect(read).toThrow(refused);
    expect(read).toThrow('shop.orders.v1.OrdersService/PlaceOrder');
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
