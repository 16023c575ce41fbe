import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { WarehouseServiceDefinition } from '../../gen/shop/warehouse/v1/warehouse.ts';
import type { Identity } from '../identity/identity.ts';
import { systemClock } from '../kernel/clock.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import type { LanedConnection } from '../rpc/lane/connection.ts';
import { createLaneTransport } from '../rpc/lane/transport.ts';
import { createPlainTransport } from '../rpc/plain/transport.ts';
import type { HandlerContext } from '../rpc/server/implementation.ts';
import type { ServerOptions } from '../rpc/server/options.ts';
import { createServer, type MeshServer } from '../rpc/server/server.ts';
import type { AttemptContext, Connection, Method } from '../rpc/transport.ts';
import { unixMetadata } from '../rpc/unix.ts';
import { methodInfo } from '../schema/definition.ts';
import { weftImage } from '../schema/image.ts';
import { eventually } from './eventually.ts';
import { countOf } from './iterables.ts';
import { inventory, warehouse } from './shop-handlers.ts';

/** A server with a method of each kind, for tests of mutual TLS, and those who call it. */

const { getStock, importStock } = InventoryServiceDefinition.methods;
const { pickOrders } = WarehouseServiceDefinition.methods;
export const unary = { ...methodInfo(InventoryServiceDefinition, getStock), ...getStock };
export const upload = { ...methodInfo(InventoryServiceDefinition, importStock), ...importStock };
export const bidi = { ...methodInfo(WarehouseServiceDefinition, pickOrders), ...pickOrders };

export interface Rig extends Closeable {
  readonly server: MeshServer;
  readonly port: number;
  readonly endpoint: Endpoint;
  /** The contexts of all calls that reached a handler. */
  readonly seen: HandlerContext[];
  /** A connection of somebody with this identity; undefined: without TLS. By lane once it is there. */
  connect(identity: Identity | undefined, over?: Partial<Endpoint>): LanedConnection;
}

/** Serves as `options` say, on a port, and with `unix` on a socket too. */
export async function startRig(
  options: Partial<ServerOptions>,
  { unix = false }: { readonly unix?: boolean } = {},
): Promise<Rig> {
  const seen: HandlerContext[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'weft-mtls-'));
  const path = unix ? join(folder, 'inventory.sock') : undefined;
  const opened: Closeable[] = [];
  const server = createServer({ image: weftImage(), ...options });
  server.add(
    InventoryServiceDefinition,
    inventory({
      getStock({ sku }, context) {
        seen.push(context);
        return Promise.resolve({
          item: { sku, available: 3n, reserved: 0n, unitPrice: undefined },
        });
      },
      async importStock(requests, context) {
        seen.push(context);
        const articles = await countOf(requests);
        return { articles, pieces: 0n, alreadyBooked: false };
      },
    }),
  );
  server.add(
    WarehouseServiceDefinition,
    warehouse({
      async *pickOrders(_requests, context) {
        seen.push(context);
        yield { pick: undefined };
      },
    }),
  );
  const { port } = await server.listen({ unix: path });
  const endpoint: Endpoint = {
    ...{ instanceId: 'inventory-1', service: 'inventory', host: '127.0.0.1', port },
    metadata: { 'weft-lane': '1', ...(path !== undefined && unixMetadata(path)) },
  };
  return {
    ...{ server, port, endpoint, seen },
    connect(identity, over) {
      const transport = createLaneTransport({ plain: createPlainTransport({ identity }) });
      const connection = transport.open({ ...endpoint, ...over });
      opened.push(connection);
      return connection;
    },
    async close() {
      await closeAll(opened);
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function contextOf(method: Method, over: Partial<AttemptContext> = {}): AttemptContext {
  return {
    method,
    metadata: {},
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) },
    attempt: 1,
    deadline: deadlineIn(5000, systemClock),
    ...over,
  };
}

export function ask(connection: Connection, over?: Partial<AttemptContext>): Promise<unknown> {
  return connection.unary(unary, { sku: 'TEA' }, contextOf(unary, over));
}

/** Waits until calls go by lane. */
export async function laned(connection: LanedConnection): Promise<void> {
  await eventually(async () => {
    await ask(connection).catch(() => undefined);
    return connection.stats().lanes > 0;
  });
}

/** Calls a method of each of three kinds; gives what each ended with. */
export async function askAll(connection: Connection): Promise<unknown[]> {
  const drain = async (responses: AsyncIterable<unknown>): Promise<void> => {
    await countOf(responses);
  };
  async function* none(): AsyncGenerator<never> {
    // No requests.
  }
  const all = [
    ask(connection),
    drain(connection.stream(upload, none(), contextOf(upload))),
    drain(connection.stream(bidi, none(), contextOf(bidi))),
  ];
  const ended = await Promise.allSettled(all);
  return ended.map((each) => (each.status === 'rejected' ? (each.reason as unknown) : 'OK'));
}
