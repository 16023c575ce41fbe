/** What a machine hears: that it was paid. */
import { PaymentCompleted } from '#gen/vending/machine/v1/events.ts';
import { type EventHandler, on, type Sourcing } from '#mesh';
import { dispense, machines } from './machine.ts';
import type { VendingDb } from './store.ts';

/** The drink is dispensed when the payment is heard: after a crash, or twice, still once. */
export function machineHandlers(sourcing: Sourcing<VendingDb>): readonly EventHandler<VendingDb>[] {
  return [
    on(PaymentCompleted, async ({ machineId, saleId }, { tx }) => {
      const sale = { machineId, saleId };
      await sourcing.decideIn(tx, machines, machineId, (machine) => dispense(machine, sale));
    }),
  ];
}
