import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CashierServiceDefinition, PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import type { Client } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { cashierParts } from './parts.ts';
import { type CashierDb, cashierMigrations } from './store.ts';

let mesh: InProcessMesh;
let client: Client<CashierServiceDefinition>;
beforeEach(async () => {
  mesh = createInProcessMesh();
  await mesh.start<CashierDb>({
    ...{ name: 'cashier', migrations: cashierMigrations, build: cashierParts },
  });
  client = mesh.client(CashierServiceDefinition);
});
afterEach(() => mesh.close());

const sale = (saleId: string) => ({ machineId: 'lobby', saleId });
const charge = async (saleId: string, card = ''): Promise<PaymentStatus | undefined> => {
  const money = { itemId: 'tea', priceCents: 150, cents: 200, card };
  return (await client.charge({ ...sale(saleId), ...money })).payment?.status;
};

test('one sale is paid once, however often it is asked; two sales are paid twice', async () => {
  expect(await charge('s1')).toBe(PaymentStatus.COMPLETED);
  expect(await charge('s1')).toBe(PaymentStatus.COMPLETED);
  expect(await charge('s2')).toBe(PaymentStatus.COMPLETED);
  expect((await client.listPayments({ machineId: 'lobby' })).payments).toMatchObject([
    { saleId: 's1', cents: 200, changeCents: 50 },
    { saleId: 's2', cents: 200, changeCents: 50 },
  ]);
});

test('the first decision stands: a declined sale is not paid by another card', async () => {
  expect(await charge('s1', 'tok_declined')).toBe(PaymentStatus.REFUSED);
  expect(await charge('s1')).toBe(PaymentStatus.REFUSED);
});

test('what is void is never paid; what is paid is not voided, and given back once', async () => {
  const { payment } = await client.voidPayment(sale('s1'));
  expect(payment?.status).toBe(PaymentStatus.VOID);
  expect(await charge('s1')).toBe(PaymentStatus.VOID);
  await charge('s2');
  expect((await client.voidPayment(sale('s2'))).payment?.status).toBe(PaymentStatus.COMPLETED);
  for (let time = 1; time <= 2; time++) {
    const { payment: returned } = await client.returnPayment(sale('s2'));
    expect(returned?.status).toBe(PaymentStatus.RETURNED);
  }
  expect(await charge('s2')).toBe(PaymentStatus.RETURNED);
});

test('too little is refused and leaves no trace', async () => {
  const money = { itemId: 'tea', priceCents: 150, cents: 100, card: '' };
  const error = await errorOf(client.charge({ ...sale('s1'), ...money }));
  expect(error.reason).toBe('TOO_LITTLE');
  expect(await errorOf(client.getPayment({ saleId: 's1' }))).toMatchObject({
    ...{ status: 'NOT_FOUND', reason: 'NO_PAYMENT' },
  });
});
