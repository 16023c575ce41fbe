import { expect, test } from '@jest/globals';
import { OrderConfirmed } from '../../gen/shop/orders/v1/events.ts';
import { weftImage } from './image.ts';
import { bytesToJson } from './json.ts';

const confirmed = OrderConfirmed.fromPartial({
  orderId: 'order-1',
  total: { currencyCode: 'EUR', minorUnits: 500n },
  occurredAt: { seconds: 1n, nanos: 0 },
});

test('a message is read by the schema alone', () => {
  const data = OrderConfirmed.encode(confirmed).finish();
  const text = bytesToJson(weftImage(), 'shop.orders.v1.OrderConfirmed', data);
  expect(JSON.parse(text ?? '')).toEqual({
    orderId: 'order-1',
    total: { currencyCode: 'EUR', minorUnits: '500' },
    occurredAt: '1970-01-01T00:00:01Z',
  });
});

test('what is unknown, or is not what it says, has no text', () => {
  expect(bytesToJson(weftImage(), 'shop.orders.v9.Gone', new Uint8Array())).toBeUndefined();
  const torn = new Uint8Array([0x0a, 0xff]);
  expect(bytesToJson(weftImage(), 'shop.orders.v1.OrderConfirmed', torn)).toBeUndefined();
});
