import { beforeEach, expect, test } from '@jest/globals';
import type { Store } from '#mesh';
import { onEachDatabase } from '../../../mesh/testing/databases.ts';
import { type CatalogueDb, catalogueMigrations, createModel, type Model } from './store.ts';

onEachDatabase<CatalogueDb>(catalogueMigrations, (database) => {
  let store: Store<CatalogueDb>;
  let model: Model;
  beforeEach(async () => {
    store = await database.open();
    model = createModel(store);
  });

  const mug = { productId: 'mug', name: 'Mug', cents: 900, version: 1 };
  const tea = { productId: 'tea', name: 'Green tea', cents: 450, version: 1 };
  const know = (...products: (typeof mug)[]): Promise<void> =>
    store.transaction(async (tx) => {
      for (const product of products) await model.know(tx, product);
    });
  const found = async (text: string, maxCents = 0): Promise<string[]> =>
    (await model.search({ text, maxCents })).products.map(({ productId }) => productId);

  test('an older version that comes later is passed over, and what is found is the cheapest first', async () => {
    await know({ ...mug, cents: 700, version: 2 }, mug, tea);
    const all = await model.search({ text: '', maxCents: 0 });
    expect(all.products.map(({ productId, cents }) => [productId, cents])).toEqual([
      ['tea', 450],
      ['mug', 700],
    ]);
    expect(await found('tea', 500)).toEqual(['tea']);
    expect(await found('', 100)).toEqual([]);
  });

  test('a part of a name is found in capitals or not, and stands for itself', async () => {
    const odd = { productId: 'odd', name: '100% silk_', cents: 1, version: 1 };
    await know(mug, tea, odd);
    expect(await found('GREEN T')).toEqual(['tea']);
    expect(await found('mUg')).toEqual(['mug']);
    expect(await found('%')).toEqual(['odd']);
    expect(await found('k_')).toEqual(['odd']);
    expect(await found('\\')).toEqual([]);
  });

  test('of versions that are heard at once the newest stays', async () => {
    const versions = [3, 1, 5, 2, 4].map((version) => ({ ...mug, cents: version, version }));
    await Promise.all(versions.map((version) => know(version)));
    expect(await model.find('mug')).toMatchObject({ cents: 5 });
  });
});
