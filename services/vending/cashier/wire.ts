/** Between the domain and its messages: the only file in which the two meet. */
import { type Payment as PaymentMessage, PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import type { Payment } from './payment.ts';

const statuses: Record<Payment['status'], PaymentStatus> = {
  completed: PaymentStatus.COMPLETED,
  refused: PaymentStatus.REFUSED,
  void: PaymentStatus.VOID,
  returned: PaymentStatus.RETURNED,
};

export function toMessage(payment: Payment): PaymentMessage {
  return { ...payment, status: statuses[payment.status] };
}
