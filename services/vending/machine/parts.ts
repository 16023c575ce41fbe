import { CashierServiceDefinition } from '#gen/vending/cashier/v1/cashier.ts';
import { DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import { MachineServiceDefinition } from '#gen/vending/machine/v1/machine.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import type { Patience } from './config.ts';
import { machineHandlers } from './events.ts';
import { createLedger } from './ledger.ts';
import { lookAtOpenSales } from './lookout.ts';
import { machineService } from './service.ts';
import { createFloor, salesProjection, type VendingDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function machineParts(
  tools: AppTools<VendingDb>,
  patience: Patience,
): ServiceParts<VendingDb> {
  const { store, clock, log } = tools;
  const sourcing = tools.sourcing();
  sourcing.project(salesProjection);
  const cashier = tools.client(CashierServiceDefinition);
  const dispenser = tools.client(DispenserServiceDefinition);
  const floor = createFloor(store);
  const ledger = createLedger({ store, sourcing, floor, clock, askMs: patience.askMs });
  const lookout = { ledger, floor, cashier, dispenser, patience, clock, log };
  tools.every(Math.min(500, patience.askMs), 'looking at open sales', () =>
    lookAtOpenSales(lookout),
  );
  return {
    services: [implement(MachineServiceDefinition, machineService({ ledger, floor, cashier }))],
    consumer: { handlers: machineHandlers(ledger) },
  };
}
