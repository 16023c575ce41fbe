import { runApp } from '#mesh';
import { config } from './config.ts';
import { warehouseParts } from './parts.ts';
import { type WarehouseDb, warehouseMigrations } from './store.ts';

const settings = config();

await runApp<WarehouseDb>({
  name: 'warehouse',
  settings,
  migrations: warehouseMigrations,
  build: (tools) => warehouseParts(tools, settings),
});
