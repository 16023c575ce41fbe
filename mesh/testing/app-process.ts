/**
 * A service as a process of its own, for tests of its life: GetPayment logs "asked" and answers half a second
 * later, and CRASH makes it throw where nobody catches.
 */
import { PaymentsServiceDefinition } from '../../gen/shop/payments/v1/payments.ts';
import { implement } from '../app/options.ts';
import { runApp } from '../app/run.ts';
import { readSettings } from '../app/settings.ts';
import { systemClock } from '../kernel/clock.ts';

await runApp({
  name: 'payments',
  settings: readSettings(process.env),
  build: ({ log }) => ({
    services: [
      implement(PaymentsServiceDefinition, {
        charge: () => Promise.reject(new Error('not called')),
        async getPayment() {
          log.info('asked');
          await systemClock.sleep(500);
          return { payment: undefined };
        },
      }),
    ],
  }),
});
if (process.env['CRASH'] !== undefined) {
  setTimeout(() => {
    throw new Error('a fault that nobody expected');
  }, 50);
}
