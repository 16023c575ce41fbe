import { expect, test } from '@jest/globals';
import { channelOf, deadLetterSubject, subjectOf } from './subject.ts';

const hostile = ['', 'a/b', '*', '>', 'a b', 'a\tb', 'a\r\nPUB x 0', '$JS', 'ä', 'x'.repeat(65)];

test('an event travels on its channel under the last part of its type', () => {
  expect(subjectOf('shop-orders', 'shop.orders.v1.OrderConfirmed')).toBe(
    'shop-orders.OrderConfirmed',
  );
  expect(channelOf('shop-orders.OrderConfirmed')).toBe('shop-orders');
});

test('a dead letter travels under the channel and the consumer that failed', () => {
  const subject = deadLetterSubject('shop-orders', 'warehouse');
  expect(subject).toBe('weft-dead-letters.shop-orders.warehouse');
});

test.each(hostile)('%j never becomes part of a subject', (token) => {
  expect(() => subjectOf(token, 'shop.v1.A')).toThrow('cannot be a channel');
  expect(() => subjectOf('shop', `shop.v1.${token}`)).toThrow();
  expect(() => deadLetterSubject('shop', token)).toThrow('cannot be a consumer');
  expect(() => deadLetterSubject(token, 'warehouse')).toThrow('cannot be a channel');
});
