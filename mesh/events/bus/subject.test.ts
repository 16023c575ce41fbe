import { expect, test } from '@jest/globals';
import {
  channelOf,
  filterOf,
  filterOfSubject,
  matches,
  partitionOf,
  type Route,
  subjectOf,
} from './subject.ts';

const whole = (channel: string): Route => ({ kind: 'event', channel, partitions: 0 });
const hostile = ['', 'a/b', '*', '>', 'a b', 'a\tb', 'a\r\nPUB x 0', '$JS', 'ä', 'x'.repeat(65)];

test('an event travels on its channel under the last part of its type', () => {
  const subject = subjectOf(whole('shop-orders'), 'shop.orders.v1.OrderConfirmed', 'order-1');
  expect(subject).toBe('shop-orders.OrderConfirmed');
  expect(filterOf(whole('shop-orders'), 'shop.orders.v1.OrderConfirmed')).toBe(subject);
  expect(channelOf(subject)).toBe('shop-orders');
});

test('on a channel with partitions it travels in that of its key', () => {
  const divided: Route = { kind: 'event', channel: 'shop-orders', partitions: 8 };
  const subject = subjectOf(divided, 'shop.orders.v1.OrderConfirmed', 'order-1');
  expect(subject).toBe(`shop-orders.${partitionOf('order-1', 8)}.OrderConfirmed`);
  expect(channelOf(subject)).toBe('shop-orders');
  const all = filterOf(divided, 'shop.orders.v1.OrderConfirmed');
  expect(all).toBe('shop-orders.*.OrderConfirmed');
  expect(filterOfSubject(subject)).toBe(all);
  expect(filterOf(divided, 'shop.orders.v1.OrderConfirmed', 3)).toBe(
    'shop-orders.3.OrderConfirmed',
  );
});

test('a document has a subject for each key, whatever the key holds', () => {
  const menus: Route = { kind: 'document', channel: 'menus', partitions: 0 };
  expect(subjectOf(menus, 'shop.v1.Menu', 'lunch')).toBe('menus.Menu.lunch');
  const odd = subjectOf(menus, 'shop.v1.Menu', 'a.b >*');
  expect(odd).toMatch(/^menus\.Menu\.=[\w-]{43}$/);
  expect(subjectOf(menus, 'shop.v1.Menu', 'a.b >')).not.toBe(odd);
  const all = filterOf(menus, 'shop.v1.Menu');
  expect(matches(all, odd)).toBe(true);
  expect(filterOfSubject(odd)).toBe(all);
});

// Source: the test suite of FNV at isthe.com/chongo/tech/comp/fnv.
test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('the partition of %j is its FNV-1a, modulo', (key, hash) => {
  expect(partitionOf(key, 2 ** 32)).toBe(hash);
  expect(partitionOf(key, 7)).toBe(hash % 7);
});

test('a star in a filter stands for one token', () => {
  expect(matches('shop.*.A', 'shop.3.A')).toBe(true);
  expect(matches('shop.A', 'shop.A')).toBe(true);
  expect(matches('shop.*.A', 'shop.3.B')).toBe(false);
  expect(matches('shop.*.A', 'shop.A')).toBe(false);
  expect(matches('shop.*', 'shop.3.A')).toBe(false);
});

test.each(hostile)('%j never becomes part of a subject', (token) => {
  expect(() => subjectOf(whole(token), 'shop.v1.A', '')).toThrow('cannot be a channel');
  expect(() => subjectOf(whole('shop'), `shop.v1.${token}`, '')).toThrow();
});
