import { expect, test } from '@jest/globals';
import { weftImage } from '../schema/image.ts';
import { methodsInImage } from './schema-methods.ts';

test('the methods of a target are those of the services that are found under its name', () => {
  const methodsOf = methodsInImage(weftImage());
  const inventory = methodsOf('inventory');
  expect(inventory).toContainEqual({ name: 'Reserve', idempotency: 'idempotent' });
  expect(inventory?.find(({ name }) => name === 'PlaceOrder')).toBeUndefined();
  expect(methodsOf('orders')).toContainEqual({ name: 'PlaceOrder', idempotency: 'idempotent' });
  expect(methodsOf('unheard-of')).toBeUndefined();
});
