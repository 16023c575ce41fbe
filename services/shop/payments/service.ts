/**
 * The contract's two calls over the store. Deciding comes before recording and costs nothing, so a repeated
 * charge decides once more and then finds that the first decision stands.
 */
import type { ChargeRequest, PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import {
  type Clock,
  type FieldViolation,
  type Implementation,
  MeshError,
  type Random,
  sortableId,
} from '#mesh';
import { decide, type Money, type Payment, sameAmount } from './payment.ts';
import type { PaymentStore } from './store.ts';
import { toMessage } from './wire.ts';

export interface PaymentsServiceOptions {
  readonly payments: PaymentStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** shop.payments.v1.PaymentsService. */
export function paymentsService(
  options: PaymentsServiceOptions,
): Implementation<PaymentsServiceDefinition> {
  const { payments } = options;
  return {
    async charge(request) {
      return { payment: toMessage(await charge(options, request)) };
    },

    async getPayment({ orderId }) {
      const payment = await payments.find(orderId);
      if (payment === undefined) throw notTried(orderId);
      return { payment: toMessage(payment) };
    },
  };
}

async function charge(
  { payments, clock, random }: PaymentsServiceOptions,
  request: ChargeRequest,
): Promise<Payment> {
  const { orderId, customerId, cardToken } = request;
  const amount = amountOf(request);
  const nowMs = clock.now();
  const paymentId = `pay_${sortableId(nowMs, random)}`;
  const asked = decide({ orderId, customerId, amount, cardToken }, paymentId, nowMs);
  const payment = await payments.record(asked);
  // Answering with the first payment would let the caller believe that this amount was taken.
  if (!sameAmount(payment.amount, amount)) throw mismatch(payment, amount);
  return payment;
}

/** The amount as an exact number; the schema's rules see to the rest of the request. */
function amountOf({ amount }: ChargeRequest): Money {
  const minorUnits = amount?.minorUnits ?? 0n;
  if (minorUnits < 1n) throw badAmount(minorUnits, 'MIN', 'must be at least 1');
  if (minorUnits > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw badAmount(minorUnits, 'MAX', `must be at most ${String(Number.MAX_SAFE_INTEGER)}`);
  }
  return { minorUnits: Number(minorUnits), currency: amount?.currencyCode ?? '' };
}

function badAmount(minorUnits: bigint, reason: 'MIN' | 'MAX', rule: string): MeshError {
  const description = `${rule}, received ${String(minorUnits)}`;
  const violation: FieldViolation = { field: 'amount.minor_units', description, reason };
  return MeshError.invalid('this amount cannot be charged', [violation]);
}

function mismatch({ orderId, amount }: Payment, asked: Money): MeshError {
  const was = `${String(amount.minorUnits)} ${amount.currency}`;
  return new MeshError(
    `order ${orderId} was asked for ${was} before and is now asked for ${String(asked.minorUnits)} ${asked.currency}; an order has one payment`,
    {
      status: 'FAILED_PRECONDITION',
      reason: 'CHARGE_MISMATCH',
      details: { facts: { order_id: orderId, recorded: was } },
    },
  );
}

function notTried(orderId: string): MeshError {
  return new MeshError(`no payment was tried for order "${orderId}"; charge it first`, {
    status: 'NOT_FOUND',
    reason: 'PAYMENT_NOT_FOUND',
    details: { facts: { order_id: orderId } },
  });
}
