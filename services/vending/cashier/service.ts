import type { CashierServiceDefinition } from '#gen/vending/cashier/v1/cashier.ts';
import { type Implementation, MeshError, refusal, type Store } from '#mesh';
import type { Desk } from './desk.ts';
import type { CashierDb, Till } from './store.ts';
import { toMessage } from './wire.ts';

export interface CashierServiceOptions {
  readonly store: Store<CashierDb>;
  readonly till: Till;
  readonly desk: Desk;
}

/** vending.cashier.v1.CashierService. */
export function cashierService(
  options: CashierServiceOptions,
): Implementation<CashierServiceDefinition> {
  const { store, till, desk } = options;
  return {
    async charge(charge) {
      const { itemId, priceCents, cents } = charge;
      if (cents < priceCents) {
        throw refusal('TOO_LITTLE', `${itemId} costs ${String(priceCents)} cents`);
      }
      return { payment: toMessage(await store.transaction((tx) => desk.charge(tx, charge))) };
    },

    async getPayment({ saleId }) {
      const payment = await till.find(saleId);
      if (payment !== undefined) return { payment: toMessage(payment) };
      throw new MeshError(`nobody has tried to pay ${saleId}`, {
        ...{ status: 'NOT_FOUND', reason: 'NO_PAYMENT' },
      });
    },

    async voidPayment(sale) {
      return { payment: toMessage(await store.transaction((tx) => desk.voidPayment(tx, sale))) };
    },

    async returnPayment(sale) {
      return { payment: toMessage(await store.transaction((tx) => desk.returnPayment(tx, sale))) };
    },

    async listPayments({ machineId }) {
      return { payments: (await till.list(machineId)).map(toMessage) };
    },
  };
}
