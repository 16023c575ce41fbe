import { runApp } from '#mesh';
import { config } from './config.ts';
import { catalogueParts } from './parts.ts';
import { type CatalogueDb, catalogueMigrations } from './store.ts';

await runApp<CatalogueDb>({
  name: 'catalogue',
  settings: config(),
  migrations: catalogueMigrations,
  build: catalogueParts,
});
