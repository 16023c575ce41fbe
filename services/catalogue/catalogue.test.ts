/** Two of each service in one process, over memory in place of Consul and NATS. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CatalogueServiceDefinition } from '#gen/catalogue/catalogue/v1/catalogue.ts';
import { ProductsServiceDefinition } from '#gen/catalogue/products/v1/products.ts';
import type { Client } from '#mesh';
import { onEachDialect } from '../../mesh/testing/databases.ts';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../mesh/testing/in-process.ts';
import { catalogueParts } from './catalogue/parts.ts';
import { type CatalogueDb, catalogueMigrations } from './catalogue/store.ts';
import { productsParts } from './products/parts.ts';
import { type ProductsDb, productMigrations } from './products/store.ts';

onEachDialect((urlOf) => {
  let mesh: InProcessMesh;
  let products: Client<ProductsServiceDefinition>;
  let catalogue: Client<CatalogueServiceDefinition>;
  beforeEach(async () => {
    mesh = createInProcessMesh();
    products = mesh.client(ProductsServiceDefinition);
    catalogue = mesh.client(CatalogueServiceDefinition);
    for (let instance = 1; instance <= 2; instance++) {
      await mesh.start<ProductsDb>({
        ...{ name: 'products', store: await urlOf('products') },
        ...{ migrations: productMigrations, build: productsParts },
      });
      await mesh.start<CatalogueDb>({
        ...{ name: 'catalogue', store: await urlOf('catalogue') },
        ...{ migrations: catalogueMigrations, build: catalogueParts },
      });
    }
  });
  afterEach(() => mesh.close());

  const put = (cents: number) =>
    products.putProduct({ productId: 'mug', name: 'Mug', cents, stock: 1 });

  test('what is put at once has a version each, and the catalogue ends with the last one', async () => {
    const cents = Array.from({ length: 20 }, (_, i) => 100 + i);
    const put20 = await Promise.all(cents.map(async (each) => ({ each, ...(await put(each)) })));
    expect(put20.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      cents.map((_, i) => i + 1),
    );
    const last = put20.find(({ version }) => version === 20);
    await eventually(async () => {
      const { product } = await catalogue.getOffer({ productId: 'mug' });
      return product?.cents === last?.each;
    });
  });

  test('an import is done by many instances, each step by one, and is told once', async () => {
    const watched: number[] = [];
    const { operation } = await products.importProducts({ operationId: 'op', products: 230 });
    expect(operation).toMatchObject({ done: 0, total: 230, finished: false });
    for await (const { operation: now } of products.watchOperation({ operationId: 'op' })) {
      watched.push(now?.done ?? 0);
    }
    expect(watched.at(-1)).toBe(230);
    expect(watched).toEqual([...watched].sort((a, b) => a - b));
    await eventually(async () => (await catalogue.listNews({})).news.length > 0);
    await eventually(async () => {
      return (await catalogue.search({ text: 'import', maxCents: 0 })).found === 230;
    });
    expect((await catalogue.listNews({})).news).toEqual([{ operationId: 'op', products: 230 }]);
    // A step that was done twice would have written its products a second time.
    const { version } = await products.putProduct({
      ...{ productId: 'op-1', name: 'Import 1', cents: 1, stock: 1 },
    });
    expect(version).toBe(2);
  });

  test('what nobody has heard of is not there', async () => {
    const status = { status: 'NOT_FOUND' };
    expect(await errorOf(catalogue.getOffer({ productId: 'x' }))).toMatchObject(status);
    expect(await errorOf(products.getStock({ productId: 'x' }))).toMatchObject(status);
    expect(await errorOf(products.getOperation({ operationId: 'x' }))).toMatchObject(status);
  });
});
