/** From the domain to its message: the only file in which the two meet. */
import { type Payment as PaymentMessage, PaymentStatus } from '#gen/shop/payments/v1/payments.ts';
import { toTimestamp } from '#mesh';
import type { Payment } from './payment.ts';

const statuses: Record<Payment['status'], PaymentStatus> = {
  charged: PaymentStatus.CHARGED,
  declined: PaymentStatus.DECLINED,
};

/** The payment as it travels. */
export function toMessage(payment: Payment): PaymentMessage {
  const { minorUnits, currency } = payment.amount;
  return {
    paymentId: payment.paymentId,
    orderId: payment.orderId,
    amount: { minorUnits: BigInt(minorUnits), currencyCode: currency },
    status: statuses[payment.status],
    declineReason: payment.status === 'declined' ? payment.reason : '',
    decidedAt: toTimestamp(payment.decidedAtMs),
  };
}
