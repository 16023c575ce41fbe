import { PaymentsServiceDefinition } from '#gen/shop/payments/v1/payments.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { paymentsService } from './service.ts';
import { createPaymentStore, type PaymentsDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function paymentsParts({
  store,
  clock,
  random,
}: AppTools<PaymentsDb>): ServiceParts<PaymentsDb> {
  const payments = createPaymentStore(store);
  return {
    services: [implement(PaymentsServiceDefinition, paymentsService({ payments, clock, random }))],
  };
}
