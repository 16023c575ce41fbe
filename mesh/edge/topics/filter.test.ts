import { expect, test } from '@jest/globals';
import { createFilter, type Filter } from './filter.ts';

const event = {
  type: 'shop.orders.v1.OrderConfirmed',
  key: 'ord_1',
  data: { customerId: 'ada', total: { minorUnits: '900', currencyCode: 'EUR' }, lines: [{}] },
};

test.each<[string, Filter, boolean]>([
  ['nothing', {}, true],
  ['the type in full', { types: ['shop.orders.v1.OrderConfirmed'] }, true],
  ['the last part of the type', { types: ['OrderDeclined', 'OrderConfirmed'] }, true],
  ['another type', { types: ['OrderDeclined'] }, false],
  ['the key', { keys: ['ord_2', 'ord_1'] }, true],
  ['another key', { keys: ['ord_2'] }, false],
  ['a field', { fields: { customerId: 'ada' } }, true],
  ['a field within a field, a number as text', { fields: { 'total.minorUnits': 900 } }, true],
  ['a field of another value', { fields: { 'total.currencyCode': 'USD' } }, false],
  ['a field that is not there', { fields: { nobody: 'x' } }, false],
  ['what every object has', { fields: { 'constructor.name': 'Object' } }, false],
  [
    'several conditions, of which one fails',
    { keys: ['ord_1'], fields: { customerId: 'bob' } },
    false,
  ],
])('a filter that asks for %s', (_, filter, passes) => {
  expect(createFilter(filter)(event)).toBe(passes);
});
