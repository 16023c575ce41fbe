import { beforeEach, expect, test } from '@jest/globals';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import { decide } from './payment.ts';
import {
  createPaymentStore,
  type PaymentStore,
  type PaymentsDb,
  paymentMigrations,
} from './store.ts';

onEachDatabase<PaymentsDb>(paymentMigrations, (database) => {
  let payments: PaymentStore;
  let elsewhere: PaymentStore;

  beforeEach(async () => {
    payments = createPaymentStore(await database.open());
    elsewhere = createPaymentStore(await database.open());
  });

  const payment = (paymentId: string, cardToken = 'tok_visa', minorUnits = 900) =>
    decide(
      {
        ...{ orderId: 'ord_1', customerId: 'ada', cardToken },
        amount: { minorUnits, currency: 'EUR' },
      },
      paymentId,
      1_700_000_000_000,
    );

  test('a payment is found as it was decided', async () => {
    const declined = payment('pay_1', 'tok_declined', Number.MAX_SAFE_INTEGER);
    expect(await payments.record(declined)).toEqual(declined);
    expect(await elsewhere.find('ord_1')).toEqual(declined);
    expect(await elsewhere.find('ord_2')).toBeUndefined();
  });

  test('an order has one payment, however many instances charge it at once', async () => {
    const recorded = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (i % 2 === 0 ? payments : elsewhere).record(payment(`pay_${String(i)}`)),
      ),
    );
    expect(new Set(recorded.map(({ paymentId }) => paymentId)).size).toBe(1);
  });
});
