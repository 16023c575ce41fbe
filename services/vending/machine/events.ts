/** What a machine hears: of the cashier what became of the money, of the dispenser what became of the can. */
import { PaymentCompleted, PaymentRefused } from '#gen/vending/cashier/v1/events.ts';
import { DrinkDispensed, DrinkMissing } from '#gen/vending/dispenser/v1/events.ts';
import { type EventHandler, on } from '#mesh';
import type { Ledger } from './ledger.ts';
import { cancel, dispense, pay, unpaid } from './sale.ts';
import type { VendingDb } from './store.ts';

/** In whatever order they come, twice or late: a sale takes down what is new to it. */
export function machineHandlers({ stepIn }: Ledger): readonly EventHandler<VendingDb>[] {
  return [
    on(PaymentCompleted, async ({ machineId, saleId, cents }, { tx }) => {
      const id = { machineId, saleId };
      await stepIn(tx, id, (sale) => pay(sale, id, cents));
    }),
    on(DrinkDispensed, async ({ machineId, saleId }, { tx }) => {
      const id = { machineId, saleId };
      await stepIn(tx, id, (sale) => dispense(sale, id));
    }),
    on(PaymentRefused, async ({ machineId, saleId, reason }, { tx }) => {
      const id = { machineId, saleId };
      await stepIn(tx, id, (sale) => unpaid(sale, id, reason));
    }),
    on(DrinkMissing, async ({ machineId, saleId, reason }, { tx }) => {
      const id = { machineId, saleId };
      await stepIn(tx, id, (sale) => cancel(sale, id, reason));
    }),
  ];
}
