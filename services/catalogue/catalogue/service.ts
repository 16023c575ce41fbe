import type { CatalogueServiceDefinition } from '#gen/catalogue/catalogue/v1/catalogue.ts';
import type { ProductsServiceDefinition } from '#gen/catalogue/products/v1/products.ts';
import { type Client, type Implementation, MeshError } from '#mesh';
import { stockOf } from './stock.ts';
import type { Model } from './store.ts';

export interface CatalogueServiceOptions {
  readonly model: Model;
  readonly products: Pick<Client<ProductsServiceDefinition>, 'getStock'>;
}

/** catalogue.catalogue.v1.CatalogueService. */
export function catalogueService({
  model,
  products,
}: CatalogueServiceOptions): Implementation<CatalogueServiceDefinition> {
  return {
    async search(wanted) {
      const { products: some, found } = await model.search(wanted);
      return { products: [...some], found };
    },

    async getOffer({ productId }) {
      const product = await model.find(productId);
      if (product === undefined) {
        throw new MeshError(`the catalogue has not heard of ${productId}`, {
          ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_PRODUCT' },
        });
      }
      return { product, ...(await stockOf(products, productId)) };
    },

    async listNews() {
      return { news: [...(await model.news())] };
    },
  };
}
