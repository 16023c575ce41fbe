/** What the cashier hears: that a sale ends without a drink. */
import { SaleCancelled } from '#gen/vending/machine/v1/events.ts';
import { type EventHandler, on } from '#mesh';
import type { Desk } from './desk.ts';
import type { CashierDb } from './store.ts';

export function cashierHandlers(desk: Desk): readonly EventHandler<CashierDb>[] {
  return [
    on(SaleCancelled, async (sale, { tx }) => {
      await desk.returnPayment(tx, sale);
    }),
  ];
}
