import { type CashierServiceDefinition, PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import {
  type Machine,
  type MachineServiceDefinition,
  MachineStatus,
} from '#gen/vending/machine/v1/machine.ts';
import { type Client, type Implementation, MeshError, refusal } from '#mesh';
import type { Ledger } from './ledger.ts';
import { checkPayable } from './sale.ts';
import type { Floor } from './store.ts';
import { toMessage } from './wire.ts';

export interface MachineServiceOptions {
  readonly ledger: Ledger;
  readonly floor: Floor;
  readonly cashier: Client<CashierServiceDefinition>;
}

/** vending.machine.v1.MachineService. */
export function machineService(
  options: MachineServiceOptions,
): Implementation<MachineServiceDefinition> {
  const { ledger, floor, cashier } = options;
  const machineOf = async (machineId: string): Promise<Machine> => {
    const { saleId, dispensed } = await floor.at(machineId);
    const machine = { machineId, saleId, dispensed };
    if (saleId === '') return { ...machine, itemId: '', status: MachineStatus.IDLE };
    const { itemId, status } = await ledger.read(saleId);
    const selected = status === 'selected';
    return { ...machine, itemId, status: selected ? MachineStatus.SELECTED : MachineStatus.PAID };
  };
  return {
    async selectItem({ machineId, saleId, itemId }) {
      await ledger.begin({ machineId, saleId }, itemId);
      return { machine: await machineOf(machineId) };
    },

    async pay({ machineId, saleId, cents, card }) {
      const id = { machineId, saleId };
      const sale = await ledger.read(saleId);
      checkPayable(sale, id, cents);
      const { itemId, cents: priceCents } = sale;
      const { payment } = await cashier.charge({ ...id, itemId, priceCents, cents, card });
      if (payment?.status === PaymentStatus.COMPLETED) {
        return { machine: await machineOf(machineId) };
      }
      if (payment?.status !== PaymentStatus.REFUSED) {
        throw refusal('SALE_CANCELLED', `the sale ${saleId} is not paid any more`);
      }
      throw refusal(payment.reason, `the card was declined; select again as another sale`);
    },

    async getSale({ saleId }) {
      const sale = await ledger.read(saleId);
      if (sale.status !== 'new') return { sale: toMessage(sale) };
      throw new MeshError(`there is no sale ${saleId}; select an item first`, {
        ...{ status: 'NOT_FOUND', reason: 'NO_SALE' },
      });
    },

    async getMachine({ machineId }) {
      return { machine: await machineOf(machineId) };
    },

    async listSales() {
      return { sales: await floor.listSales() };
    },
  };
}
