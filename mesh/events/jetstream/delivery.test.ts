import { expect, test } from '@jest/globals';
import { placeOf } from './delivery.ts';

test.each([
  ['before nats-server 2.15', '$JS.ACK.shop-orders.warehouse.3.1207.88.1700000000000000000.4'],
  ['after it', '$JS.ACK._.h7Xa.shop-orders.warehouse.3.1207.88.1700000000000000000.4.r4nd'],
])('the place of a message is read from the subject that acks it, as it looks %s', (_, subject) => {
  expect(placeOf(subject)).toEqual({ deliveries: 3, sequence: 1207, nth: 88, pending: 4 });
});
