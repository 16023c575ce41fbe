import { CatalogueServiceDefinition } from '#gen/catalogue/catalogue/v1/catalogue.ts';
import { ProductsServiceDefinition } from '#gen/catalogue/products/v1/products.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { catalogueHandlers } from './events.ts';
import { catalogueService } from './service.ts';
import { whenAway } from './stock.ts';
import { type CatalogueDb, createModel } from './store.ts';

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function catalogueParts({
  store,
  client,
}: AppTools<CatalogueDb>): ServiceParts<CatalogueDb> {
  const model = createModel(store);
  const products = client(ProductsServiceDefinition, whenAway);
  return {
    services: [implement(CatalogueServiceDefinition, catalogueService({ model, products }))],
    consumer: { handlers: catalogueHandlers(model) },
  };
}
