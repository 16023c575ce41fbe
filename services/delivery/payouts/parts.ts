import { IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { PayoutsServiceDefinition } from '#gen/delivery/payouts/v1/payouts.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import type { PayoutsSettings } from './config.ts';
import { payoutsHandlers } from './events.ts';
import { knowByAsking, knowByCopy } from './knowing.ts';
import { payoutsService } from './service.ts';
import { createPayoutsStore, type PayoutsDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function payoutsParts(
  tools: AppTools<PayoutsDb>,
  { flow }: Pick<PayoutsSettings, 'flow'>,
): ServiceParts<PayoutsDb> {
  const { store, clock } = tools;
  const payouts = createPayoutsStore(store);
  const byEvents = flow === 'events';
  const know = byEvents
    ? knowByCopy(payouts)
    : knowByAsking(tools.client(IncentivesServiceDefinition), clock);
  const service = payoutsService({ store, payouts, know, clock });
  return {
    services: [implement(PayoutsServiceDefinition, service)],
    ...(byEvents && { consumer: { handlers: payoutsHandlers({ payouts }) } }),
  };
}
