/** The demo of the catalogue: a change that is heard of, an import that is answered before it is done, an owner who is away. */
import { CatalogueServiceDefinition, StockSource } from '#gen/catalogue/catalogue/v1/catalogue.ts';
import { ProductsServiceDefinition } from '#gen/catalogue/products/v1/products.ts';
import { play } from '../../stage/stage.ts';

await play('catalogue', async ({ say, client, until, weft, random }) => {
  const products = client(ProductsServiceDefinition);
  const catalogue = client(CatalogueServiceDefinition);
  const productId = `mug-${random.hex(4)}`;
  const put = (cents: number) => products.putProduct({ productId, name: 'Mug', cents, stock: 5 });
  const offer = async (id: string): Promise<string> => {
    const { product, stock, source } = await catalogue.getOffer({ productId: id });
    return `${product?.name ?? ''} for ${String(product?.cents)} cents, ${String(stock)} there (${sourceText(source)})`;
  };
  const costs = (cents: number): Promise<void> =>
    until('the catalogue has heard of it', async () => {
      const { products: found } = await catalogue.search({ text: '', maxCents: cents });
      return found.some((each) => each.productId === productId && each.cents === cents);
    });

  say.chapter('1. A product is put, and the catalogue hears of it');
  await until('products are there', () => put(90).then(() => true));
  await costs(90);
  await put(80);
  await costs(80);
  say.line(await offer(productId));

  say.chapter('2. An import is answered at once, and done afterwards');
  const operationId = `spring-${random.hex(4)}`;
  const { operation } = await products.importProducts({ operationId, products: 500 });
  say.line(`answered: ${String(operation?.done)} of ${String(operation?.total)} done`);
  for await (const { operation: now } of products.watchOperation({ operationId })) {
    say.line(`watched: ${String(now?.done)} of ${String(now?.total)}`);
  }
  await until('the catalogue has been told', async () => {
    return (await catalogue.listNews({})).news.some((each) => each.operationId === operationId);
  });
  say.line('the catalogue was told that it is done');

  say.chapter(
    '3. The owner is away: what was heard stays, and the stock is the last answer, or a default',
  );
  await weft('stop', 'products');
  say.line(await offer(productId));
  say.line(await offer(`${operationId}-1`));
  await weft('start', 'products');
});

function sourceText(source: StockSource): string {
  if (source === StockSource.OWNER) return 'says the owner';
  return source === StockSource.LAST_ANSWER
    ? 'said the owner when it was asked last'
    : 'nobody knows';
}
