import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ImportStockRequest,
  ImportStockResponse,
  InventoryServiceDefinition,
} from '../../gen/shop/inventory/v1/inventory.ts';
import { systemClock } from '../kernel/clock.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { MeshError } from '../kernel/error.ts';
import { UnreachedError } from '../resilience/unreached.ts';
import { methodInfo } from '../schema/definition.ts';
import { weftImage } from '../schema/image.ts';
import { errorOf } from '../testing/error-of.ts';
import { eventually } from '../testing/eventually.ts';
import type { LanedConnection } from './lane/connection.ts';
import { laneKey } from './lane/protocol.ts';
import { createLaneTransport } from './lane/transport.ts';
import { createPlainTransport } from './plain/transport.ts';
import { createServer, type MeshServer, type ServerOptions } from './server/server.ts';
import type { AttemptContext, Connection } from './transport.ts';
import { hostKey, unixKey, unixMetadata } from './unix.ts';

const { getStock, importStock } = InventoryServiceDefinition.methods;
const getStockMethod = { ...methodInfo(InventoryServiceDefinition, getStock), ...getStock };
const importStockMethod = {
  ...methodInfo(InventoryServiceDefinition, importStock),
  ...importStock,
};

let folder: string;
let path: string;
let server: MeshServer;
let port: number;
/** The peer of each call, as its handler saw it. */
const peers: string[] = [];
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-unix-'));
  path = join(folder, 'inventory-1.sock');
  peers.length = 0;
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

async function serve(unix: string | undefined, options: Partial<ServerOptions> = {}, at = 0) {
  server = createServer({ image: weftImage(), ...options });
  server.add(InventoryServiceDefinition, {
    reserve: () => Promise.reject(new Error('not called')),
    getStock({ sku }, { peer }) {
      peers.push(peer);
      if (sku !== 'NONE') return Promise.resolve({ item: undefined });
      return Promise.reject(new MeshError('no such article', { status: 'NOT_FOUND' }));
    },
    async importStock(requests, { peer }) {
      peers.push(peer);
      let articles = 0;
      for await (const { quantity } of requests) articles += quantity;
      return ImportStockResponse.create({ articles });
    },
  });
  ({ port } = await server.listen({ unix, port: at }));
  closing.push(() => server.close());
}

function endpointWith(metadata: Endpoint['metadata']): Endpoint {
  return { instanceId: 'i', service: 'inventory', host: '127.0.0.1', port, metadata };
}

function open(metadata: Endpoint['metadata'], options: { unix?: boolean } = {}): Connection {
  const connection = createPlainTransport(options).open(endpointWith(metadata));
  closing.push(() => connection.close());
  return connection;
}

/** What a process leaves that is killed: a file, and nobody behind it. */
async function leaveStale(): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('here'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A connection whose lane is there. */
async function openLane(metadata: Endpoint['metadata']): Promise<LanedConnection> {
  const transport = createLaneTransport({ plain: createPlainTransport() });
  const connection = transport.open(endpointWith({ ...metadata, [laneKey]: '1' }));
  closing.push(() => connection.close());
  await eventually(async () => {
    await stock(connection);
    return connection.stats().lanes === 1;
  });
  return connection;
}

function context(method: AttemptContext['method'], attempt = 1): AttemptContext {
  const trace = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) };
  return { method, metadata: {}, trace, attempt, deadline: deadlineIn(5000, systemClock) };
}

function stock(connection: Connection, sku = 'TEA'): Promise<unknown> {
  return connection.unary(getStockMethod, { sku }, context(getStockMethod));
}

async function* articles(): AsyncGenerator<ImportStockRequest> {
  yield ImportStockRequest.create({ deliveryId: 'd', sku: 'TEA', quantity: 3 });
  yield ImportStockRequest.create({ deliveryId: 'd', sku: 'TEA', quantity: 4 });
}

describe('a call on one host', () => {
  test('takes the Unix socket, whatever its kind', async () => {
    await serve(path);
    const connection = open(unixMetadata(path));
    expect(await stock(connection)).toEqual({ item: undefined });
    const imported = connection.stream(importStockMethod, articles(), context(importStockMethod));
    for await (const each of imported) expect(each.articles).toBe(7);
    expect(peers).toEqual(['unix:', 'unix:']);
  });

  test('takes TCP when either side does not want the socket, or it is another host’s', async () => {
    await serve(path);
    await stock(open(unixMetadata(path), { unix: false }));
    await stock(open({}));
    await stock(open({ [unixKey]: path, [hostKey]: 'elsewhere' }));
    await stock(open({ ...unixMetadata(path), [unixKey]: join(folder, 'missing.sock') }));
    expect(peers).toHaveLength(4);
    for (const peer of peers) expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('takes TCP in the same attempt when the socket refuses, and from then on', async () => {
    await leaveStale();
    await serve(undefined);
    const connection = open(unixMetadata(path));
    // Many at once: each was waiting for the socket, none has been sent twice.
    const answers = await Promise.all(Array.from({ length: 20 }, () => stock(connection)));
    expect(answers).toHaveLength(20);
    expect(peers).toHaveLength(20);
    for (const peer of peers) expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
    const imported = connection.stream(importStockMethod, articles(), context(importStockMethod));
    for await (const each of imported) expect(each.articles).toBe(7);
  });

  test('takes the socket again when the server comes back on it, having refused both ways meanwhile', async () => {
    await serve(path);
    const connection = open(unixMetadata(path));
    await stock(connection);
    await server.close();
    const before = port;
    // A file with nobody behind it, and none at all.
    await leaveStale();
    for (let i = 0; i < 3; i++)
      expect(await errorOf(stock(connection))).toBeInstanceOf(UnreachedError);
    await unlink(path);
    for (let i = 0; i < 3; i++)
      expect(await errorOf(stock(connection))).toBeInstanceOf(UnreachedError);
    await serve(path, {}, before);
    peers.length = 0;
    await Promise.all(Array.from({ length: 5 }, () => stock(connection)));
    expect(new Set(peers)).toEqual(new Set(['unix:']));
  });

  test('takes a lane on the socket, and one on TCP when the socket refuses', async () => {
    await serve(path);
    const bySocket = await openLane(unixMetadata(path));
    await stock(bySocket);
    expect(new Set(peers)).toEqual(new Set(['unix:']));
    await server.close();
    peers.length = 0;

    await leaveStale();
    await serve(undefined);
    const byTcp = await openLane(unixMetadata(path));
    const { laneCalls } = byTcp.stats();
    await stock(byTcp);
    expect(byTcp.stats().laneCalls).toBe(laneCalls + 1);
    for (const peer of peers) expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('goes on over TCP when the socket is lost while the server lives', async () => {
    await serve(path);
    const connection = open(unixMetadata(path));
    await stock(connection);
    // The connection that there is does not need the file; the next one would.
    await unlink(path);
    await stock(connection);
    expect(peers).toEqual(['unix:', 'unix:']);
  });

  test('fails in the words of the address that everybody knows', async () => {
    await serve(path);
    const connection = open(unixMetadata(path));
    const refused = await errorOf(stock(connection, 'NONE'));
    expect(refused.message).toContain(`GetStock at 127.0.0.1:${String(port)}: no such article`);
    await server.close();
    const gone = await errorOf(stock(connection));
    expect(gone).toBeInstanceOf(UnreachedError);
    expect(gone.message).toContain(`at 127.0.0.1:${String(port)}`);
    expect(gone.message).toContain('ECONNREFUSED');
  });
});

describe('a server with a Unix socket', () => {
  test('takes the place of one that was killed, and leaves none behind when it closes', async () => {
    await leaveStale();
    expect(existsSync(path)).toBe(true);
    await serve(path);
    await stock(open(unixMetadata(path)));
    expect(peers).toEqual(['unix:']);
    await server.close();
    expect(existsSync(path)).toBe(false);
  });

  test('removes it when it closes, and drains the connections of both', async () => {
    await serve(path);
    const [bySocket, byTcp] = [open(unixMetadata(path)), open({})];
    await Promise.all([stock(bySocket), stock(byTcp)]);
    expect(existsSync(path)).toBe(true);
    await server.drain({ graceMs: 5000 });
    expect(existsSync(path)).toBe(false);
    await expect(stock(bySocket)).rejects.toBeInstanceOf(UnreachedError);
    await expect(stock(byTcp)).rejects.toBeInstanceOf(UnreachedError);
  });

  test('gives it no way around a limit: silence is closed, too much metadata refused', async () => {
    await serve(path, { handshakeTimeoutMs: 100 });
    const silent = connect(path);
    silent.resume();
    await once(silent, 'close');
    const metadata = { 'x-filler': 'x'.repeat(9000) };
    const call = { ...context(getStockMethod), metadata };
    await expect(
      open(unixMetadata(path)).unary(getStockMethod, { sku: 'TEA' }, call),
    ).rejects.toMatchObject({ reason: 'METADATA_TOO_LARGE' });
  });

  test('listens on neither when it cannot have both', async () => {
    const long = join(folder, 'x'.repeat(120));
    server = createServer({ image: weftImage() });
    await expect(server.listen({ unix: long })).rejects.toMatchObject({ reason: 'SOCKET_PATH' });
    // It may be told another.
    ({ port } = await server.listen({ unix: path }));
    closing.push(() => server.close());
    await expect(createServer({ image: weftImage() }).listen({ unix: path })).rejects.toMatchObject(
      { reason: 'CANNOT_LISTEN' },
    );
    await eventually(() => existsSync(path));
  });
});
