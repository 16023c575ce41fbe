import { expect, test } from '@jest/globals';
import { next } from './can.ts';

const full = { free: 3, jammed: false };
const empty = { free: 0, jammed: false };
const held = { status: 'held' } as const;

test('a can is kept for a sale, and dropped when it is paid', () => {
  expect(next(undefined, 'hold', full)).toEqual({ status: 'held', reason: '' });
  expect(next(held, 'drop', empty)).toEqual({ status: 'dropped', reason: '' });
});

test('a sale whose selection was not heard of gets a can when it is paid', () => {
  expect(next(undefined, 'drop', full)).toEqual({ status: 'dropped', reason: '' });
});

test('without a can, or with one that is stuck, a sale gets none', () => {
  expect(next(undefined, 'hold', empty)).toEqual({ status: 'missing', reason: 'SOLD_OUT' });
  expect(next(undefined, 'drop', empty)).toEqual({ status: 'missing', reason: 'SOLD_OUT' });
  const jammed = { free: 3, jammed: true };
  expect(next(held, 'drop', jammed)).toEqual({ status: 'missing', reason: 'JAMMED' });
});

test('the first end stands', () => {
  for (const status of ['dropped', 'missing'] as const) {
    for (const wish of ['hold', 'drop', 'give up'] as const) {
      expect(next({ status }, wish, full)).toBeUndefined();
    }
  }
});

test('a sale that was given up before it was heard of gets none later', () => {
  expect(next(undefined, 'give up', full)).toEqual({ status: 'missing', reason: 'GIVEN_UP' });
  expect(next(held, 'give up', full)).toEqual({ status: 'missing', reason: 'GIVEN_UP' });
});
