/** The stock, of its owner; or what there is when the owner is away. */
import { StockSource } from '#gen/catalogue/catalogue/v1/catalogue.ts';
import type { ProductsServiceDefinition } from '#gen/catalogue/products/v1/products.ts';
import type { Client, StubOptions, Substitute } from '#mesh';

/** What stands in for the owner: an answer that may be ten minutes old, else that nobody knows. */
export const whenAway: StubOptions<ProductsServiceDefinition> = {
  lastAnswer: { getStock: { maxAgeMs: 600_000 } },
  fallback: { getStock: { stock: 0 } },
};

const sources: Record<Substitute['source'], StockSource> = {
  'last answer': StockSource.LAST_ANSWER,
  fallback: StockSource.DEFAULT,
};

export async function stockOf(
  products: Pick<Client<ProductsServiceDefinition>, 'getStock'>,
  productId: string,
): Promise<{ readonly stock: number; readonly source: StockSource }> {
  let source: StockSource = StockSource.OWNER;
  const onFallback = (substitute: Substitute): void => {
    source = sources[substitute.source];
  };
  const { stock } = await products.getStock({ productId }, { onFallback });
  return { stock, source };
}
