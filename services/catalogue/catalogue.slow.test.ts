/** The catalogue end to end: products and catalogue as `weft up` runs them, over a real Consul and nats-server. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { CatalogueServiceDefinition, StockSource } from '#gen/catalogue/catalogue/v1/catalogue.ts';
import { ProductsServiceDefinition } from '#gen/catalogue/products/v1/products.ts';
import { type Client, openStore, sql } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import { forgetConsumer } from '../../mesh/testing/stored-messages.ts';
import { openStoryRig, type StoryRig } from '../../mesh/testing/story-rig.ts';

const patience = { withinMs: 60_000, everyMs: 50 };
let rig: StoryRig;
let products: Client<ProductsServiceDefinition>;
let catalogue: Client<CatalogueServiceDefinition>;

beforeAll(async () => {
  rig = await openStoryRig('catalogue');
  products = rig.client(ProductsServiceDefinition);
  catalogue = rig.client(CatalogueServiceDefinition);
  rig.start('products');
  rig.start('catalogue');
  await eventually(() => put('mug', 900, 5), patience);
  await eventually(() => catalogue.listNews({}), patience);
}, 120_000);
afterAll(() => rig.close(), 60_000);

const put = (productId: string, cents: number, stock: number) =>
  products.putProduct({ productId, name: productId, cents, stock });
const priceOf = async (productId: string): Promise<number | undefined> =>
  (await catalogue.getOffer({ productId })).product?.cents;
const offerOf = async (productId: string) => {
  const { stock, source } = await catalogue.getOffer({ productId });
  return { stock, source };
};

const importedSoFar = async (): Promise<number | undefined> =>
  (await products.getOperation({ operationId: 'spring' })).operation?.done;

/** No import goes beyond that many products until it is let go: the database refuses the step, and it is tried again. */
async function holdImportAt(products: number): Promise<() => Promise<void>> {
  const url = `sqlite:${join(rig.folder, 'products.db')}`;
  const run = async (statement: string): Promise<void> => {
    const store = await openStore<unknown>({ url, migrations: [] });
    await sql.raw(statement).execute(store.db);
    await store.close();
  };
  await run(`create trigger held before update of done on operations
    when new.done > ${String(products)} begin select raise(abort, 'held by the test'); end`);
  return () => run('drop trigger held');
}

test('a change is heard of, and the stock comes from its owner', async () => {
  await eventually(async () => (await priceOf('mug')) === 900, patience);
  await put('mug', 800, 4);
  await eventually(async () => (await priceOf('mug')) === 800, patience);
  expect(await offerOf('mug')).toEqual({ stock: 4, source: StockSource.OWNER });
}, 60_000);

test('an import is answered before it is done, told step by step, and goes on after a kill', async () => {
  const letGo = await holdImportAt(1_000);
  const { operation } = await products.importProducts({ operationId: 'spring', products: 2_000 });
  expect(operation).toMatchObject({ total: 2_000, finished: false });
  await eventually(async () => (await importedSoFar()) === 1_000, patience);
  await rig.kill('products');
  rig.start('products');
  await eventually(importedSoFar, patience);
  expect(await importedSoFar()).toBe(1_000);
  const steps: number[] = [];
  for await (const { operation: now } of products.watchOperation({ operationId: 'spring' })) {
    if (steps.length === 0) await letGo();
    steps.push(now?.done ?? 0);
  }
  expect(steps[0]).toBe(1_000);
  expect(steps.at(-1)).toBe(2_000);
  await eventually(
    async () => (await catalogue.search({ text: 'Import', maxCents: 0 })).found === 2_000,
    patience,
  );
  await eventually(async () => (await catalogue.listNews({})).news.length === 1, patience);
  expect((await catalogue.listNews({})).news).toEqual([{ operationId: 'spring', products: 2_000 }]);
}, 90_000);

test('while the owner is away the catalogue searches on, and says where a stock comes from', async () => {
  await eventually(async () => (await offerOf('mug')).source === StockSource.OWNER, patience);
  await rig.stop('products');
  expect((await catalogue.search({ text: 'mug', maxCents: 0 })).found).toBe(1);
  expect(await offerOf('mug')).toEqual({ stock: 4, source: StockSource.LAST_ANSWER });
  expect(await offerOf('spring-7')).toEqual({ stock: 0, source: StockSource.DEFAULT });
  rig.start('products');
  await eventually(async () => (await offerOf('mug')).source === StockSource.OWNER, patience);
}, 90_000);

test('a catalogue that lost its database and whose consumer begins anew is whole again', async () => {
  const { found } = await catalogue.search({ text: '', maxCents: 0 });
  expect(found).toBe(2_001);
  await rig.stop('catalogue');
  for (const end of ['', '-wal', '-shm']) {
    await rm(join(rig.folder, `catalogue.db${end}`), { force: true });
  }
  await forgetConsumer(rig.nats.url, 'catalogue-products', 'catalogue');
  rig.start('catalogue');
  await eventually(async () => {
    return (await catalogue.search({ text: '', maxCents: 0 })).found === found;
  }, patience);
}, 90_000);
