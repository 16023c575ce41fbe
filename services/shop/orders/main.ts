import { runApp } from '#mesh';
import { config } from './config.ts';
import { ordersParts } from './parts.ts';
import { type OrdersDb, orderMigrations } from './store.ts';

const settings = config();

await runApp<OrdersDb>({
  name: 'orders',
  settings,
  migrations: orderMigrations,
  build: (tools) => ordersParts(tools, settings),
});
