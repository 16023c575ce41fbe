import { test } from '@jest/globals';
import { DrinkDispensed, ItemSelected, PaymentCompleted } from '#gen/vending/machine/v1/events.ts';
import { given, happened } from '#mesh';
import { dispense, machines, pay, select } from './machine.ts';

const sale = { machineId: 'lobby', saleId: 's1' };
const other = { machineId: 'lobby', saleId: 's2' };
const selected = happened(ItemSelected, { ...sale, itemId: 'tea', cents: 150 });
const paid = happened(PaymentCompleted, { ...sale, cents: 200 });
const dispensed = happened(DrinkDispensed, { ...sale, itemId: 'tea', changeCents: 50 });

test('a drink that is selected and paid is dispensed, with the change', () => {
  given(machines)
    .when((machine) => select(machine, sale, 'tea'))
    .gives(selected);
  given(machines, selected)
    .when((machine) => pay(machine, sale, 200))
    .gives(paid);
  given(machines, selected, paid)
    .when((machine) => dispense(machine, sale))
    .gives(dispensed);
});

test('one sale at a time, of what is sold, for what it costs', () => {
  given(machines)
    .when((machine) => select(machine, sale, 'soup'))
    .refuses('NOT_SOLD');
  given(machines, selected)
    .when((machine) => select(machine, other, 'tea'))
    .refuses('MACHINE_BUSY');
  given(machines, selected)
    .when((machine) => pay(machine, sale, 149))
    .refuses('TOO_LITTLE');
  given(machines, selected)
    .when((machine) => pay(machine, other, 200))
    .refuses('NOT_SELECTED');
});

test('what comes twice, or too late, changes nothing', () => {
  given(machines, selected)
    .when((machine) => select(machine, sale, 'tea'))
    .gives();
  given(machines, selected, paid)
    .when((machine) => pay(machine, sale, 200))
    .gives();
  given(machines, selected, paid, dispensed)
    .when((machine) => dispense(machine, sale))
    .gives();
  given(machines, selected)
    .when((machine) => dispense(machine, sale))
    .gives();
});
