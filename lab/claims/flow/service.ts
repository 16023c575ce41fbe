/** One member of a flow as a process of its own, so that a kill is a kill. */
import { type AppTools, readSettings, runApp, type ServiceParts, sagaMigrations } from '#mesh';
import { childOptions, tellReady } from '../child.ts';
import { asynchronousOrders } from './asynchronous.ts';
import { deskParts } from './desk.ts';
import { hybridOrders } from './hybrid.ts';
import { orchestratedOrders } from './orchestrated.ts';
import { synchronousOrders } from './synchronous.ts';
import {
  type DeskTables,
  deskMigrations,
  type Flow,
  memberOptions,
  type OrdersTables,
  ordersMigrations,
  type Pace,
  pace as paceShape,
  usualMs,
} from './wire.ts';

const { flow, role, ...at } = childOptions(memberOptions);
const settings = readSettings({
  ...{ MESH_CONSUL: at.consul, MESH_NATS: at.nats, STORE: at.store, PORT: String(at.port) },
  ...{ INSTANCE_ID: `${role}-1`, LOG_LEVEL: 'silent', METRICS_PORT: 'off', DRAIN_SPREAD_MS: '200' },
});

const orders: Record<Flow, (tools: AppTools<OrdersTables>) => ServiceParts<OrdersTables>> = {
  synchronous: synchronousOrders,
  asynchronous: asynchronousOrders,
  hybrid: hybridOrders,
  orchestrated: orchestratedOrders,
};

if (role === 'orders') {
  const migrations = [...ordersMigrations, ...sagaMigrations];
  await runApp({ name: role, settings, migrations, build: orders[flow] });
} else {
  let pace: Pace = { partMs: usualMs };
  process.on('message', (message) => {
    pace = paceShape.parse(message);
  });
  const current: Pace = {
    get partMs() {
      return pace.partMs;
    },
  };
  await runApp<DeskTables>({
    ...{ name: role, settings, migrations: deskMigrations },
    build: (tools) => deskParts(tools, { name: role, flow, pace: current }),
  });
}
tellReady();
