import { runApp } from '#mesh';
import { config } from './config.ts';
import { productsParts } from './parts.ts';
import { type ProductsDb, productMigrations } from './store.ts';

await runApp<ProductsDb>({
  name: 'products',
  settings: config(),
  migrations: productMigrations,
  build: productsParts,
});
