import { expect, test } from '@jest/globals';
import { isFinished, nextProducts } from './product.ts';

test('an import goes on where it stands, in batches, to its end', () => {
  const operation = { operationId: 'op', total: 120, done: 100 };
  const products = nextProducts(operation);
  expect(products.map(({ productId }) => productId).at(0)).toBe('op-101');
  expect(products).toHaveLength(20);
  expect(nextProducts({ ...operation, done: 0 })).toHaveLength(50);
  expect(isFinished(operation)).toBe(false);
  expect(isFinished({ ...operation, done: 120 })).toBe(true);
});
