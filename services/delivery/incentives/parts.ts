import { IncentivesServiceDefinition } from '#gen/delivery/incentives/v1/incentives.ts';
import { PayoutsServiceDefinition } from '#gen/delivery/payouts/v1/payouts.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import type { IncentivesSettings } from './config.ts';
import { incentivesService } from './service.ts';
import { createIncentivesStore, type IncentivesDb } from './store.ts';
import { type Telling, tellByCall, tellByEvents } from './telling.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function incentivesParts(
  tools: AppTools<IncentivesDb>,
  settings: Pick<IncentivesSettings, 'flow' | 'batchEveryMs'>,
): ServiceParts<IncentivesDb> {
  const { store } = tools;
  const incentives = createIncentivesStore(store);
  const telling = settings.flow === 'events' ? tellByEvents(tools.events) : byCall();

  function byCall(): Telling {
    const payouts = tools.client(PayoutsServiceDefinition);
    const calling = tellByCall({ incentives, payouts, log: tools.log });
    tools.every(settings.batchEveryMs, 'paying the batch', calling.payBatch);
    return calling;
  }

  const service = incentivesService({ store, incentives, telling });
  return { services: [implement(IncentivesServiceDefinition, service)] };
}
