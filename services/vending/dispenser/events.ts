/** What the dispenser hears: of the machine what is selected and over, of the cashier what is paid. */
import { PaymentCompleted } from '#gen/vending/cashier/v1/events.ts';
import { ItemSelected, SaleCancelled } from '#gen/vending/machine/v1/events.ts';
import { type EventHandler, on } from '#mesh';
import type { Wishing } from './desk.ts';
import type { DispenserDb } from './tables.ts';

export function dispenserHandlers(wish: Wishing): readonly EventHandler<DispenserDb>[] {
  return [
    on(ItemSelected, async (sale, { tx }) => {
      await wish(tx, sale, 'hold');
    }),
    on(PaymentCompleted, async (sale, { tx }) => {
      await wish(tx, sale, 'drop');
    }),
    on(SaleCancelled, async (sale, { tx }) => {
      await wish(tx, sale, 'give up');
    }),
  ];
}
