import { addressOf, type Endpoint } from '../../kernel/endpoint.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Connection, Transport } from '../transport.ts';

/** One connection to each endpoint in use. */
export interface Connections extends Closeable {
  /** Opened at the first call to the endpoint, and kept. */
  to(endpoint: Endpoint): Connection;
  /** Closes those to all other endpoints; calls that are under way there end by themselves. */
  keep(endpoints: readonly Endpoint[]): void;
}

export function createConnections(transport: Transport): Connections {
  const open = new Map<string, Connection>();
  const closing = new Set<Promise<void>>();

  function close(key: string, connection: Connection): void {
    open.delete(key);
    const done = connection.close().finally(() => closing.delete(done));
    closing.add(done);
  }

  return {
    to(endpoint) {
      const key = keyOf(endpoint);
      const known = open.get(key);
      if (known !== undefined) return known;
      const connection = transport.open(endpoint);
      open.set(key, connection);
      return connection;
    },
    keep(endpoints) {
      const wanted = new Set(endpoints.map(keyOf));
      for (const [key, connection] of open) if (!wanted.has(key)) close(key, connection);
    },
    async close() {
      for (const [key, connection] of open) close(key, connection);
      await Promise.all(closing);
    },
  };
}

/** By address too: an instance that comes back on another port is another server. */
function keyOf(endpoint: Endpoint): string {
  return `${endpoint.instanceId} ${addressOf(endpoint)}`;
}
