import { Client } from 'pg';
import type { PostgresServer } from '../../mesh/testing/postgres.ts';
import type { Ask } from '../chaos/ledger.ts';
import type { ServiceName } from '../chaos/stage.ts';
import { rowsOf } from '../house/rows.ts';

/** Makes a database for each service, and gives its URL. */
export async function createDatabases(
  server: PostgresServer,
  services: readonly ServiceName[],
): Promise<Partial<Record<ServiceName, string>>> {
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  try {
    for (const service of services) await admin.query(`create database ${service}`);
  } finally {
    await admin.end();
  }
  return Object.fromEntries(
    services.map((service) => [service, server.url.replace(/[^/]+$/, service)]),
  );
}

/** Asks the database of a service, wherever it is. */
export function askWhereItIs(
  root: () => string,
  stores: Readonly<Partial<Record<string, string>>>,
): Ask {
  return async (service, sql) => {
    const url = stores[service];
    if (url === undefined) return rowsOf(root(), service, { sql });
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, string | number | null>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
}
