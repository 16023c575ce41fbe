import { ProductsServiceDefinition } from '#gen/catalogue/products/v1/products.ts';
import { type AppTools, createBell, implement, type ServiceParts } from '#mesh';
import { goOnWithImports } from './imports.ts';
import { productsService } from './service.ts';
import { createShelf, type ProductsDb } from './store.ts';

/** From one look for imports to the next, in ms: what a caller was promised begins this much later at most. */
const lookEveryMs = 200;

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function productsParts({
  store,
  events,
  clock,
  every,
}: AppTools<ProductsDb>): ServiceParts<ProductsDb> {
  const options = { store, events, shelf: createShelf(store), bell: createBell(clock) };
  every(lookEveryMs, 'going on with imports', (signal) => goOnWithImports(options, signal));
  return { services: [implement(ProductsServiceDefinition, productsService(options))] };
}
