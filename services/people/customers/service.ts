import type { CustomersServiceDefinition } from '#gen/people/customers/v1/customers.ts';
import { CustomerRegistered } from '#gen/people/customers/v1/events.ts';
import type { Events, Implementation, Store } from '#mesh';
import { tidied } from './customer.ts';
import { addCustomer, type CustomersDb } from './store.ts';

export interface CustomersServiceOptions {
  readonly store: Store<CustomersDb>;
  readonly events: Events<CustomersDb>;
}

/** people.customers.v1.CustomersService. */
export function customersService({
  store,
  events,
}: CustomersServiceOptions): Implementation<CustomersServiceDefinition> {
  return {
    async register(request) {
      const customer = tidied(request);
      const isNew = await store.transaction(async (tx) => {
        const added = await addCustomer(tx, customer);
        if (added) await events.publish(tx, CustomerRegistered, customer);
        return added;
      });
      return { isNew };
    },
  };
}
