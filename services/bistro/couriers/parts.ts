import { CouriersServiceDefinition } from '#gen/bistro/couriers/v1/couriers.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { courierHandlers } from './events.ts';
import { couriersService } from './service.ts';
import { type CouriersDb, createTripStore } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function couriersParts({ store }: AppTools<CouriersDb>): ServiceParts<CouriersDb> {
  const trips = createTripStore(store);
  return {
    services: [implement(CouriersServiceDefinition, couriersService({ trips }))],
    consumer: { handlers: courierHandlers({ trips }) },
  };
}
