/** What the catalogue hears of products: all that it knows. */
import { ImportFinished, ProductChanged } from '#gen/catalogue/products/v1/events.ts';
import { type EventHandler, on } from '#mesh';
import type { CatalogueDb, Model } from './store.ts';

export function catalogueHandlers(model: Model): readonly EventHandler<CatalogueDb>[] {
  return [
    on(ProductChanged, (product, { tx }) => model.know(tx, product)),
    on(ImportFinished, (news, { tx }) => model.tell(tx, news)),
  ];
}
