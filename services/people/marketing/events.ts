/** What marketing hears: its consumer was made when it first ran, and began with the oldest event that is kept. */
import { CustomerRegistered } from '#gen/people/customers/v1/events.ts';
import { type EventHandler, on } from '#mesh';
import type { AudienceStore, MarketingDb } from './store.ts';

/** Key: the customer id; a registration that is heard again, as in a replay, changes nothing. */
export function marketingHandlers({
  audience,
}: {
  readonly audience: AudienceStore;
}): readonly EventHandler<MarketingDb>[] {
  return [on(CustomerRegistered, ({ customerId }, { tx }) => audience.join(tx, customerId))];
}
