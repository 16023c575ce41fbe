import { MachineServiceDefinition } from '#gen/vending/machine/v1/machine.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { machineHandlers } from './events.ts';
import { machineService } from './service.ts';
import { salesProjection, type VendingDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function machineParts(tools: AppTools<VendingDb>): ServiceParts<VendingDb> {
  const { store } = tools;
  const sourcing = tools.sourcing();
  sourcing.project(salesProjection);
  return {
    services: [implement(MachineServiceDefinition, machineService({ store, sourcing }))],
    consumer: { handlers: machineHandlers(sourcing) },
  };
}
