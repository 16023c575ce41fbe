import type { MarketingServiceDefinition } from '#gen/people/marketing/v1/marketing.ts';
import type { Implementation, Store } from '#mesh';
import type { AudienceStore, MarketingDb } from './store.ts';

export interface MarketingServiceOptions {
  readonly store: Store<MarketingDb>;
  readonly audience: AudienceStore;
}

/** people.marketing.v1.MarketingService. */
export function marketingService({
  store,
  audience,
}: MarketingServiceOptions): Implementation<MarketingServiceDefinition> {
  return {
    async getAudience() {
      return { customerIds: [...(await audience.members())] };
    },

    async leave({ customerId }) {
      await store.transaction((tx) => audience.leave(tx, customerId));
      return {};
    },
  };
}
