/** What the couriers are asked and told. */
import { Deliver, Offer } from '#gen/bistro/couriers/v1/messages.ts';
import { DeliveryWanted } from '#gen/bistro/waiter/v1/messages.ts';
import { type EventHandler, exchange, on, onRequest } from '#mesh';
import { offerFor } from './offer.ts';
import type { CouriersDb, TripStore } from './store.ts';

const delivery = exchange(DeliveryWanted, Offer);

/** What the couriers do. Key: the order id; a trip that is asked for twice is made once. */
export function courierHandlers({
  trips,
}: {
  readonly trips: TripStore;
}): readonly EventHandler<CouriersDb>[] {
  return [
    // Who has nothing to offer is silent: whoever asked waits for a while, not for everybody.
    onRequest(delivery, async ({ address }) => offerFor(address)),
    on(Deliver, (trip, { tx }) => trips.add(tx, trip)),
  ];
}
