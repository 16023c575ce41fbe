import type { CouriersServiceDefinition } from '#gen/bistro/couriers/v1/couriers.ts';
import type { Implementation } from '#mesh';
import type { TripStore } from './store.ts';

/** bistro.couriers.v1.CouriersService. */
export function couriersService(options: {
  readonly trips: TripStore;
}): Implementation<CouriersServiceDefinition> {
  const { trips } = options;
  return {
    async listTrips() {
      return { trips: [...(await trips.list())] };
    },
  };
}
