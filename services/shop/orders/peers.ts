/**
 * What orders asks of its peers. Both requests carry the order id as their key: repeated, they get the first
 * answer again. A refusal is an answer here, and only what nobody can understand is an error.
 */
import {
  type InventoryServiceDefinition,
  ReserveOutcome,
} from '#gen/shop/inventory/v1/inventory.ts';
import { PaymentStatus, type PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import { type Client, MeshError } from '#mesh';
import type { Money, PendingOrder } from './order.ts';
import { fromMoney, toMoney } from './wire.ts';

/** The stubs bring deadline, retries and breaker; what they throw has been tried already. */
export interface Peers {
  readonly inventory: Client<InventoryServiceDefinition>;
  readonly payments: Client<PaymentsServiceDefinition>;
}

/** Takes the goods off the shelf: what they cost, or why there are none. */
export async function reserve(
  { inventory }: Peers,
  { orderId, lines }: PendingOrder,
): Promise<{ total: Money } | { reason: string }> {
  const { outcome, total } = await inventory.reserve({ orderId, lines: [...lines] });
  if (outcome === ReserveOutcome.OUT_OF_STOCK) return { reason: 'OUT_OF_STOCK' };
  if (outcome === ReserveOutcome.UNKNOWN_SKU) return { reason: 'UNKNOWN_SKU' };
  if (outcome === ReserveOutcome.RESERVED && total) return { total: fromMoney(total) };
  // As from a newer inventory: better undecided and seen than decided by a guess.
  throw notUnderstood('inventory', `outcome ${String(outcome)}`);
}

/** Takes the money: undefined when it was taken, else the reason of the refusal. */
export async function charge(
  { payments }: Peers,
  { orderId, customerId }: PendingOrder,
  { amount, cardToken }: { amount: Money; cardToken: string },
): Promise<string | undefined> {
  const request = { orderId, customerId, amount: toMoney(amount), cardToken };
  const { payment } = await payments.charge(request);
  if (payment?.status === PaymentStatus.CHARGED) return undefined;
  if (payment?.status === PaymentStatus.DECLINED) return payment.declineReason;
  throw notUnderstood('payments', `status ${String(payment?.status)}`);
}

function notUnderstood(peer: string, what: string): MeshError {
  return new MeshError(`${peer} answered with ${what}, which orders does not understand`, {
    status: 'INTERNAL',
    reason: 'ANSWER_NOT_UNDERSTOOD',
  });
}
