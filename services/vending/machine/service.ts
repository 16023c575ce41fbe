import {
  type MachineServiceDefinition,
  MachineStatus,
  type Machine as Message,
} from '#gen/vending/machine/v1/machine.ts';
import type { Implementation, Sourcing, Store } from '#mesh';
import { type Machine, machines, pay, select } from './machine.ts';
import { listSales, type VendingDb } from './store.ts';

const statuses = {
  idle: MachineStatus.IDLE,
  selected: MachineStatus.SELECTED,
  paid: MachineStatus.PAID,
} as const;

/** vending.machine.v1.MachineService. */
export function machineService({
  store,
  sourcing,
}: {
  readonly store: Store<VendingDb>;
  readonly sourcing: Sourcing<VendingDb>;
}): Implementation<MachineServiceDefinition> {
  return {
    async selectItem({ machineId, saleId, itemId }) {
      const sale = { machineId, saleId };
      const { state } = await sourcing.decide(machines, machineId, (machine) =>
        select(machine, sale, itemId),
      );
      return { machine: toMessage(machineId, state) };
    },

    async pay({ machineId, saleId, cents }) {
      const sale = { machineId, saleId };
      const { state } = await sourcing.decide(machines, machineId, (machine) =>
        pay(machine, sale, cents),
      );
      return { machine: toMessage(machineId, state) };
    },

    async getMachine({ machineId }) {
      const { state } = await sourcing.load(store.db, machines, machineId);
      return { machine: toMessage(machineId, state) };
    },

    async listSales() {
      return { sales: await listSales(store) };
    },
  };
}

function toMessage(machineId: string, machine: Machine): Message {
  const { saleId, itemId, dispensed } = machine;
  return { machineId, saleId, itemId, dispensed, status: statuses[machine.status] };
}
