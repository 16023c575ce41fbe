import { MarketingServiceDefinition } from '#gen/people/marketing/v1/marketing.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { marketingHandlers } from './events.ts';
import { marketingService } from './service.ts';
import { createAudienceStore, type MarketingDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function marketingParts({ store }: AppTools<MarketingDb>): ServiceParts<MarketingDb> {
  const audience = createAudienceStore(store);
  return {
    services: [implement(MarketingServiceDefinition, marketingService({ store, audience }))],
    consumer: { handlers: marketingHandlers({ audience }) },
  };
}
