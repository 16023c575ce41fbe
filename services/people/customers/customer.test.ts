import { expect, test } from '@jest/globals';
import { tidied } from './customer.ts';

test('an address is kept as it is compared, and a name as it is written', () => {
  expect(tidied({ customerId: 'Ada-1', name: ' Ada L ', email: ' Ada@Example.ORG' })).toEqual({
    ...{ customerId: 'Ada-1', name: 'Ada L', email: 'ada@example.org' },
  });
});
