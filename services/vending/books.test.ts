import { expect, test } from '@jest/globals';
import { PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import { CanStatus } from '#gen/vending/dispenser/v1/dispenser.ts';
import { SaleStatus } from '#gen/vending/machine/v1/machine.ts';
import { type Books, errorsIn } from './books.ts';

const id = { machineId: 'lobby', saleId: 's1', itemId: 'tea', reason: '' };
const right: Books = {
  sales: [{ ...id, cents: 150, status: SaleStatus.DONE }],
  payments: [{ ...id, status: PaymentStatus.COMPLETED, cents: 200, changeCents: 50 }],
  slots: [{ itemId: 'tea', loaded: 5, left: 4 }],
  cans: [{ ...id, status: CanStatus.DROPPED }],
};

test('a sale that was paid and dispensed adds up', () => {
  expect(errorsIn(right)).toEqual([]);
});

test('money without a drink, a drink without money, and a sale without an end do not', () => {
  const settled = [{ ...id, cents: 150, status: SaleStatus.SETTLED }];
  expect(errorsIn({ ...right, cans: [] })).toHaveLength(2);
  expect(errorsIn({ ...right, payments: [] })).toEqual(['s1: 0 cents taken, 150 owed']);
  expect(errorsIn({ ...right, sales: settled })).toHaveLength(2);
  const paid = [{ ...id, cents: 150, status: SaleStatus.PAID }];
  expect(errorsIn({ ...right, sales: paid })).toContain('s1 has not come to an end');
});

test('a sale that was written off has a can that is gone, and no money', () => {
  const sales = [{ ...id, cents: 150, status: SaleStatus.WRITTEN_OFF }];
  const payments = [{ ...id, status: PaymentStatus.VOID, cents: 0, changeCents: 0 }];
  expect(errorsIn({ ...right, sales, payments })).toEqual([]);
  expect(errorsIn({ ...right, sales })).toEqual(['s1: 150 cents taken, 0 owed']);
  const slots = [{ itemId: 'tea', loaded: 5, left: 5 }];
  expect(errorsIn({ ...right, sales, payments, slots, cans: [] })).toEqual([
    's1: its can has not dropped',
  ]);
});

test('what belongs to no sale, and a can that is nowhere, do not', () => {
  expect(errorsIn({ ...right, sales: [] })).toContain('nobody has heard of the sale s1');
  const slots = [{ itemId: 'tea', loaded: 5, left: 3 }];
  expect(errorsIn({ ...right, slots })).toEqual(['tea: 5 loaded, 3 left']);
});
