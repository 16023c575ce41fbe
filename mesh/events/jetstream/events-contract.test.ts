import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { connect } from 'nats';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { sql } from '../../store/sql.ts';
import { openStore } from '../../store/store.ts';
import { eventsContract } from '../../testing/events-contract.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import { type PostgresServer, startPostgres } from '../../testing/postgres.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { createJetStreamBus } from './bus.ts';

let nats: NatsServer;
let postgres: PostgresServer;
let folder: string;
let databases = 0;
beforeAll(async () => {
  [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
  folder = await mkdtemp(join(tmpdir(), 'weft-contract-'));
}, 60_000);
afterAll(async () => {
  await Promise.all([nats.close(), postgres.close()]);
  await rm(folder, { recursive: true, force: true });
});

const memory = async () => createMemoryBus({ clock: systemClock });
const jetStream = async () => {
  const admin = await connect({ servers: nats.url });
  const { streams } = await admin.jetstreamManager();
  await streams.delete('shop-orders').catch(() => undefined);
  await admin.close();
  return createJetStreamBus({
    servers: [nats.url],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...{ connectWaitMs: 500, heartbeatMs: 500 },
  });
};
const sqlite = async () => `sqlite:${join(folder, `${String(++databases)}.db`)}`;
const newPostgres = async () => {
  const name = `contract_${String(++databases)}`;
  const store = await openStore({ url: postgres.url, migrations: [] });
  await sql`create database ${sql.id(name)}`.execute(store.db);
  await store.close();
  return postgres.url.replace(/[^/]*$/, name);
};
const restart = async (): Promise<void> => {
  await nats.kill();
  await nats.restart();
};

eventsContract('in memory, with SQLite', { bus: memory, url: sqlite, features: {} });
eventsContract('in memory, with PostgreSQL', {
  ...{ bus: memory, url: newPostgres, features: {} },
});
eventsContract('over JetStream, with SQLite', {
  ...{ bus: jetStream, url: sqlite, features: { restart } },
});
eventsContract('over JetStream, with PostgreSQL', {
  ...{ bus: jetStream, url: newPostgres, features: { restart } },
});
