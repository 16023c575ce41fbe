import { describe, expect, test } from '@jest/globals';
import { GetOrderRequest, Order } from '../../gen/shop/orders/v1/orders.ts';
import { encodeMessage } from './encode.ts';

const text = (length: number): string => 'ü'.repeat(length);

describe('encoding with one writer', () => {
  test('gives the bytes that a writer of its own gives, small and large, nested and repeated', () => {
    for (const length of [0, 1, 31, 32, 33, 127, 128, 5000, 40_000, 500_000, 3]) {
      const order = Order.create({
        orderId: text(length),
        total: { currencyCode: 'EUR', minorUnits: 12n },
        lines: [
          { sku: 'TEA', quantity: length },
          { sku: text(length % 200), quantity: 2 },
        ],
      });
      expect(encodeMessage(Order, order).equals(Order.encode(order).finish())).toBe(true);
    }
  });

  test('gives bytes that later messages leave alone', () => {
    const first = encodeMessage(GetOrderRequest, { orderId: 'first' });
    const second = encodeMessage(GetOrderRequest, { orderId: 'second one' });
    expect(GetOrderRequest.decode(first)).toEqual({ orderId: 'first' });
    expect(GetOrderRequest.decode(second)).toEqual({ orderId: 'second one' });
  });

  test('does not keep half a message that could not be encoded', () => {
    const bad = { orderId: 'half', lines: [{ sku: 'TEA', quantity: 1 }, null] };
    expect(() => encodeMessage(Order, bad as never)).toThrow();
    expect(GetOrderRequest.decode(encodeMessage(GetOrderRequest, { orderId: 'x' }))).toEqual({
      orderId: 'x',
    });
  });

  test('reaches the bytes without a second copy: the writer still keeps them where they are read', () => {
    // Small results come from Node's pool; `finish` would give them a buffer of their own.
    const bytes = encodeMessage(GetOrderRequest, { orderId: 'pooled' });
    expect(bytes.buffer.byteLength).toBeGreaterThan(1024);
  });
});
