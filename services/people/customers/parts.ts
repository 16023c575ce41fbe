import { CustomersServiceDefinition } from '#gen/people/customers/v1/customers.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { customersService } from './service.ts';
import type { CustomersDb } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function customersParts({
  store,
  events,
}: AppTools<CustomersDb>): ServiceParts<CustomersDb> {
  return { services: [implement(CustomersServiceDefinition, customersService({ store, events }))] };
}
