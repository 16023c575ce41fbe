/**
 * The net under the events: a sale of which nothing is heard for a while is asked about. Events make a sale fast,
 * questions make it sure; both end in the same steps.
 */
import {
  type CashierServiceDefinition,
  type Payment,
  PaymentStatus,
} from '#gen/vending/cashier/v1/cashier.ts';
import { CanStatus, type DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import { type Client, type Clock, type Log, MeshError } from '#mesh';
import type { Patience } from './config.ts';
import type { Ledger } from './ledger.ts';
import { cancel, dispense, pay, type Sale, type SaleId, settle, unpaid } from './sale.ts';
import type { Floor, OpenSale } from './store.ts';

export interface LookoutOptions {
  readonly ledger: Ledger;
  readonly floor: Floor;
  readonly cashier: Client<CashierServiceDefinition>;
  readonly dispenser: Client<DispenserServiceDefinition>;
  readonly patience: Patience;
  readonly clock: Clock;
  readonly log: Log;
}

/** One look at what is due. Whom nobody answers for is looked at again. */
export async function lookAtOpenSales(options: LookoutOptions): Promise<void> {
  const { floor, clock, log, patience } = options;
  const nowMs = clock.now();
  const due = await floor.takeDue({ nowMs, dueAt: nowMs + patience.askMs });
  for (const sale of due) {
    await lookAt(options, sale, nowMs - sale.since >= patience.giveUpMs).catch((err: unknown) => {
      log.warn('a sale could not be cleared up; it is looked at again', { sale: sale.saleId, err });
    });
  }
}

async function lookAt(options: LookoutOptions, open: OpenSale, giveUp: boolean): Promise<void> {
  const { ledger } = options;
  const id = { machineId: open.machineId, saleId: open.saleId };
  const sale = await ledger.read(id.saleId);
  switch (sale.status) {
    case 'selected':
    case 'early':
      return askCashier(options, id, giveUp);
    case 'paid':
      return askDispenser(options, { ...id, itemId: sale.itemId }, giveUp);
    case 'cancelled':
      return clearUp(options, id, sale);
    case 'new':
    case 'done':
    case 'settled':
    case 'written off':
      return;
  }
}

async function askCashier(
  { ledger, cashier }: LookoutOptions,
  id: SaleId,
  giveUp: boolean,
): Promise<void> {
  const payment = giveUp ? (await cashier.voidPayment(id)).payment : await find(cashier, id.saleId);
  if (payment?.status === PaymentStatus.COMPLETED) {
    await ledger.step(id, (sale) => pay(sale, id, payment.cents));
  } else if (payment !== undefined) {
    await ledger.step(id, (sale) => unpaid(sale, id, payment.reason || 'NOT_PAID'));
  }
}

async function find(
  cashier: Client<CashierServiceDefinition>,
  saleId: string,
): Promise<Payment | undefined> {
  try {
    return (await cashier.getPayment({ saleId })).payment;
  } catch (thrown) {
    if (MeshError.from(thrown).status === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}

async function askDispenser(
  { ledger, dispenser }: LookoutOptions,
  can: SaleId & { readonly itemId: string },
  giveUp: boolean,
): Promise<void> {
  const answer = await (giveUp ? dispenser.giveUp(can) : dispenser.dispense(can));
  const { machineId, saleId } = can;
  const id = { machineId, saleId };
  if (answer.can?.status === CanStatus.DROPPED) {
    await ledger.step(id, (sale) => dispense(sale, id));
  } else if (answer.can?.status === CanStatus.MISSING) {
    const { reason } = answer.can;
    await ledger.step(id, (sale) => cancel(sale, id, reason));
  }
}

/** Both are told by an event, which may be lost; their answers are not. */
async function clearUp(
  { ledger, cashier, dispenser }: LookoutOptions,
  id: SaleId,
  { itemId }: Sale,
): Promise<void> {
  await dispenser.giveUp({ ...id, itemId });
  await cashier.returnPayment(id);
  await ledger.step(id, (sale) => settle(sale, id));
}
