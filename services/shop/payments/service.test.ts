import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ChargeRequest,
  PaymentStatus,
  PaymentsServiceDefinition,
} from '#gen/shop/payments/v1/payments.ts';
import type { Client } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { paymentsParts } from './parts.ts';
import { paymentMigrations } from './store.ts';

let mesh: InProcessMesh;
let payments: Client<PaymentsServiceDefinition>;

beforeEach(async () => {
  mesh = createInProcessMesh();
  await mesh.start({ name: 'payments', migrations: paymentMigrations, build: paymentsParts });
  payments = mesh.client(PaymentsServiceDefinition);
});

afterEach(() => mesh.close());

const request = (minorUnits = 900n, cardToken = 'tok_visa'): ChargeRequest => ({
  ...{ orderId: 'ord_1', customerId: 'ada', cardToken },
  amount: { minorUnits, currencyCode: 'EUR' },
});

describe('Charge', () => {
  test('takes the money once, and answers the same again', async () => {
    const { payment } = await payments.charge(request());
    expect(payment).toMatchObject({
      orderId: 'ord_1',
      amount: { minorUnits: 900n, currencyCode: 'EUR' },
      status: PaymentStatus.CHARGED,
      declineReason: '',
    });
    expect(payment?.paymentId).toMatch(/^pay_[0-9A-Z]{26}$/);
    expect((await payments.charge(request())).payment).toEqual(payment);
    expect((await payments.getPayment({ orderId: 'ord_1' })).payment).toEqual(payment);
  });

  test.each([
    ['CARD_DECLINED', request(900n, 'tok_declined')],
    ['AMOUNT_TOO_HIGH', request(1_000_001n)],
  ])('answers a refusal with %s', async (declineReason, asked) => {
    const { payment } = await payments.charge(asked);
    expect(payment).toMatchObject({ status: PaymentStatus.DECLINED, declineReason });
  });

  test('of another amount for the same order is refused', async () => {
    await payments.charge(request());
    const error = await errorOf(payments.charge(request(901n)));
    expect(error).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'CHARGE_MISMATCH' });
  });

  test.each([
    [0n, 'MIN'],
    [-1n, 'MIN'],
    [2n ** 53n, 'MAX'],
  ])('of %s minor units is refused (%s)', async (minorUnits, reason) => {
    const error = await errorOf(payments.charge(request(minorUnits)));
    expect(error.status).toBe('INVALID_ARGUMENT');
    expect(error.details.violations).toMatchObject([{ field: 'amount.minor_units', reason }]);
    expect((await errorOf(payments.getPayment({ orderId: 'ord_1' }))).status).toBe('NOT_FOUND');
  });
});
