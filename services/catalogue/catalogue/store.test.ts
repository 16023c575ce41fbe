import { expect, test } from '@jest/globals';
import { openStore } from '#mesh';
import { type CatalogueDb, catalogueMigrations, createModel } from './store.ts';

test('an older version that comes later is passed over, and what is found is the cheapest first', async () => {
  const store = await openStore<CatalogueDb>({
    ...{ url: 'sqlite::memory:', migrations: catalogueMigrations },
  });
  const model = createModel(store);
  const mug = { productId: 'mug', name: 'Mug', cents: 900 };
  await store.transaction(async (tx) => {
    await model.know(tx, { ...mug, cents: 700, version: 2 });
    await model.know(tx, { ...mug, version: 1 });
    await model.know(tx, { productId: 'tea', name: 'Green tea', cents: 450, version: 1 });
  });
  const all = await model.search({ text: '', maxCents: 0 });
  expect(all.products.map(({ productId, cents }) => [productId, cents])).toEqual([
    ['tea', 450],
    ['mug', 700],
  ]);
  expect((await model.search({ text: 'tea', maxCents: 500 })).found).toBe(1);
  expect((await model.search({ text: '', maxCents: 100 })).found).toBe(0);
  await store.close();
});
