import { expect, test } from '@jest/globals';
import {
  DrinkDispensed,
  ItemSelected,
  PaymentCompleted,
  SaleCancelled,
  SaleSettled,
  SaleWrittenOff,
} from '#gen/vending/machine/v1/events.ts';
import { given, happened } from '#mesh';
import { cancel, checkPayable, dispense, pay, sales, select, settle, unpaid } from './sale.ts';

const id = { machineId: 'lobby', saleId: 's1' };
const selected = happened(ItemSelected, { ...id, itemId: 'tea', cents: 150 });
const paid = happened(PaymentCompleted, { ...id, cents: 200 });
const dispensed = happened(DrinkDispensed, { ...id, itemId: 'tea', changeCents: 50 });
const cancelled = happened(SaleCancelled, { ...id, itemId: 'tea', reason: 'JAMMED' });

test('a drink that is selected and paid is dispensed, with the change', () => {
  given(sales)
    .when((sale) => select(sale, id, 'tea'))
    .gives(selected);
  given(sales, selected)
    .when((sale) => pay(sale, id, 200))
    .gives(paid);
  given(sales, selected, paid)
    .when((sale) => dispense(sale, id))
    .gives(dispensed);
});

test('a drink that is heard of before its payment is early, and done when the payment is heard of', () => {
  const early = happened(DrinkDispensed, { ...id, itemId: 'tea', changeCents: 0 });
  given(sales, selected)
    .when((sale) => dispense(sale, id))
    .gives(early);
  given(sales, selected, early)
    .when((sale) => pay(sale, id, 200))
    .gives(paid);
  const state = [selected, early, paid].reduce(
    (sale, { typeName, encode }) => sales.fold(sale, { typeName, data: encode() }),
    sales.initial,
  );
  expect(state.status).toBe('done');
});

test('a drink that has dropped and is never paid is written off, once, and takes no money later', () => {
  const early = happened(DrinkDispensed, { ...id, itemId: 'tea', changeCents: 0 });
  const loss = happened(SaleWrittenOff, { ...id, itemId: 'tea', cents: 150, reason: 'NOT_PAID' });
  given(sales, selected, early)
    .when((sale) => unpaid(sale, id, 'NOT_PAID'))
    .gives(loss);
  for (const late of [unpaid, cancel]) {
    given(sales, selected, early, loss)
      .when((sale) => late(sale, id, 'NOT_PAID'))
      .gives();
  }
  given(sales, selected, early, loss)
    .when((sale) => pay(sale, id, 200))
    .gives();
  given(sales, selected, early, loss)
    .when((sale) => {
      checkPayable(sale, id, 200);
      return [];
    })
    .refuses('SALE_WRITTEN_OFF');
});

test('a sale that is never paid is cancelled while its can is in the machine', () => {
  const reason = 'CARD_DECLINED';
  given(sales, selected)
    .when((sale) => unpaid(sale, id, reason))
    .gives(happened(SaleCancelled, { ...id, itemId: 'tea', reason }));
  given(sales, selected, paid, dispensed)
    .when((sale) => unpaid(sale, id, reason))
    .gives();
});

test('only what is sold is selected, and only a selected sale is paid, with enough', () => {
  given(sales)
    .when((sale) => select(sale, id, 'soup'))
    .refuses('NOT_SOLD');
  const payable = (...events: (typeof selected)[]) =>
    given(sales, ...events).when((sale) => {
      checkPayable(sale, id, 149);
      return [];
    });
  payable().refuses('NOT_SELECTED');
  payable(selected).refuses('TOO_LITTLE');
  payable(selected, cancelled).refuses('SALE_CANCELLED');
  payable(selected, paid).gives();
});

test('a sale that cannot be is cancelled once, and settled once', () => {
  given(sales, selected, paid)
    .when((sale) => cancel(sale, id, 'JAMMED'))
    .gives(cancelled);
  given(sales, selected, cancelled)
    .when((sale) => cancel(sale, id, 'CARD_DECLINED'))
    .gives();
  given(sales, selected, cancelled)
    .when((sale) => settle(sale, id))
    .gives(happened(SaleSettled, id));
  given(sales, selected, cancelled, happened(SaleSettled, id))
    .when((sale) => settle(sale, id))
    .gives();
});

test('what comes twice, or too late, changes nothing', () => {
  given(sales, selected)
    .when((sale) => select(sale, id, 'tea'))
    .gives();
  given(sales, selected, paid)
    .when((sale) => pay(sale, id, 200))
    .gives();
  given(sales, selected, paid, dispensed)
    .when((sale) => dispense(sale, id))
    .gives();
  given(sales, selected, paid, dispensed)
    .when((sale) => cancel(sale, id, 'TOO_LATE'))
    .gives();
  given(sales, selected, cancelled)
    .when((sale) => pay(sale, id, 200))
    .gives();
});
