import { credentials, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { InventoryServiceDefinition } from '../../../gen/shop/inventory/v1/inventory.ts';
import {
  type ExchangeRequest,
  type ExchangeResponse,
  LaneServiceClient,
  LaneServiceService,
} from '../../../gen/weft/lane/v1/lane.ts';
import { systemClock } from '../../kernel/clock.ts';
import { deadlineIn } from '../../kernel/deadline.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import { weftImage } from '../../schema/image.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory } from '../../testing/shop-handlers.ts';
import { echo, padded } from '../../testing/transport-contract-messages.ts';
import { attempt, getStockMethod } from '../../testing/transport-contract-rig.ts';
import { createPlainTransport } from '../plain/transport.ts';
import type { Implementation } from '../server/implementation.ts';
import { createServer, type MeshServer } from '../server/server.ts';
import type { LanedConnection } from './connection.ts';
import { maxQueuedBytes, maxUnsentBytes, perTurn } from './protocol.ts';
import { createLaneTransport } from './transport.ts';

/** What one side does to the other by the mass of what it sends, or by not reading. */

const opened: Closeable[] = [];
afterEach(() => closeAll(opened.splice(0)));

type GetStock = Implementation<typeof InventoryServiceDefinition>['getStock'];

async function serve(getStock: GetStock): Promise<{ server: MeshServer; port: number }> {
  const server = createServer({ image: weftImage() });
  server.add(InventoryServiceDefinition, inventory({ getStock }));
  opened.push(server);
  return { server, port: (await server.listen()).port };
}

/** A connection with one lane, which is there. */
async function laned(port: number): Promise<LanedConnection> {
  const endpoint: Endpoint = {
    ...{ instanceId: 'i', service: 's', host: '127.0.0.1', port },
    metadata: { 'weft-lane': '1' },
  };
  const plain = createPlainTransport();
  const connection = createLaneTransport({ plain, maxLanes: 1, maxOverflow: 5 }).open(endpoint);
  opened.push(connection);
  await eventually(async () => {
    if (connection.stats().lanes === 0) await call(connection, 'WARM-UP').catch(() => undefined);
    return connection.stats().lanes === 1;
  });
  return connection;
}

function call(connection: LanedConnection, sku: string, method = getStockMethod, ms = 20_000) {
  const deadline = deadlineIn(ms, systemClock);
  return connection.unary(method, { sku }, attempt.context(method, { deadline }));
}

const many = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

describe('more than one message may hold', () => {
  test.each([
    [30, 30_000],
    [120, 8_000],
  ])(
    'in one turn, %i calls of %i bytes: goes in several, and none is lost',
    async (count, bytes) => {
      const { port } = await serve(({ sku }) => Promise.resolve(echo(sku + 'x'.repeat(bytes))));
      const connection = await laned(port);
      const before = connection.stats();
      const large = padded(bytes);
      const answers = await Promise.all(many(count, (i) => call(connection, String(i), large)));
      expect(answers.map(({ item }) => Number.parseInt(item?.sku ?? '', 10))).toEqual(
        many(count, (i) => i),
      );
      const { lanes, laneCalls, writes } = connection.stats();
      expect(lanes).toBe(1);
      expect(laneCalls - before.laneCalls).toBe(count);
      expect(writes - before.writes).toBeGreaterThan(2);
    },
  );
});

describe('a thousand calls in one turn', () => {
  test('are begun a few at a time, so that others have their turn between them', async () => {
    let thisTurn = 0;
    const turns: number[] = [];
    const { port } = await serve(({ sku }) => {
      if (thisTurn++ === 0) {
        // It comes behind what the server does now, and before what it goes on with.
        setImmediate(() => {
          turns.push(thisTurn);
          thisTurn = 0;
        });
      }
      return Promise.resolve(echo(sku));
    });
    const connection = await laned(port);
    turns.length = 0;
    await Promise.all(many(1000, (i) => call(connection, String(i))));
    await eventually(() => turns.reduce((sum, each) => sum + each, 0) === 1000);
    // What goes on from the turn before, and a message that arrives.
    expect(Math.max(...turns)).toBeLessThanOrEqual(2 * perTurn);
  });
});

describe('a client that reads no replies', () => {
  test('is not read from any more, and others are served', async () => {
    let handled = 0;
    const { port } = await serve(({ sku }) => {
      if (sku === 'BIG') handled++;
      return Promise.resolve(echo(sku === 'BIG' ? 'x'.repeat(50_000) : sku));
    });
    const other = await laned(port);
    const client = new LaneServiceClient(`127.0.0.1:${String(port)}`, credentials.createInsecure());
    const stream = client.exchange();
    stream.on('error', () => undefined);
    opened.push({
      close() {
        stream.cancel();
        client.close();
        return Promise.resolve();
      },
    });
    const hello = { version: 1, maxMessageBytes: 1 << 20 };
    stream.write({ hello, calls: [], cancels: [] });
    const welcomed = await new Promise<ExchangeResponse>((resolve) => stream.once('data', resolve));
    stream.pause();
    const method = welcomed.welcome?.methods.find(({ path }) => path === getStockMethod.path);
    const body = Buffer.from(getStockMethod.requestType.encode({ sku: 'BIG' }).finish());
    for (let id = 1; id <= 1000; id++) {
      const frame = { id, method: method?.number ?? -1, timeoutMs: 0, previousAttempts: 0 };
      const calls = [
        { ...frame, body, metadata: [], traceparent: '', tracestate: '', baggage: '' },
      ];
      stream.write({ hello: undefined, calls, cancels: [] });
    }
    let before = -1;
    await eventually(
      () => {
        const still = handled > 0 && handled === before;
        before = handled;
        return still;
      },
      { everyMs: 200 },
    );
    // 50 MB were asked for: what waits here, what HTTP/2 and the sockets hold, and no more.
    expect(handled * 50_000).toBeLessThan(maxUnsentBytes + 8 * 1024 * 1024);
    expect((await call(other, 'TEA')).item?.sku).toBe('TEA');
    // It goes on where it stood.
    stream.resume();
    await eventually(() => handled === 1000);
  });
});

describe('a server that reads no calls', () => {
  test('is sent only so much; the rest goes beside the lane, or is refused unsent', async () => {
    const port = await deafServer();
    const connection = await laned(port);
    const before = connection.stats();
    const large = padded(100_000);
    const outcomes: string[] = [];
    for (const each of many(300, (i) => call(connection, String(i), large, 5_000))) {
      each.catch((thrown: unknown) => {
        const { status, reason } = MeshError.from(thrown);
        outcomes.push(reason ?? status);
      });
    }
    const unimplemented = (): number => outcomes.filter((each) => each === 'UNIMPLEMENTED').length;
    // That server answers no plain calls either, but says so.
    await eventually(() => outcomes.length > 200 && unimplemented() === 5);
    const { laneCalls, plainCalls } = connection.stats();
    expect((laneCalls - before.laneCalls) * 100_000).toBeLessThan(maxQueuedBytes + maxUnsentBytes);
    expect(plainCalls.full).toBe(5);
    expect(outcomes.filter((each) => each === 'LANE_FULL')).toHaveLength(outcomes.length - 5);
  });
});

/** Welcomes, and then reads nothing. */
async function deafServer(): Promise<number> {
  const server = new Server();
  server.addService(LaneServiceService, {
    exchange(stream: ServerDuplexStream<ExchangeRequest, ExchangeResponse>) {
      stream.on('error', () => undefined);
      stream.once('data', () => {
        stream.pause();
        const limits = { maxMessageBytes: 1 << 20, maxBodyBytes: 1 << 17, maxMetadataBytes: 8192 };
        const methods = [{ number: 0, path: getStockMethod.path }];
        const welcome = { version: 1, ...limits, maxInFlight: 1000, methods };
        stream.write({ welcome, replies: [], goAway: undefined });
      });
    },
  });
  opened.push({
    close() {
      server.forceShutdown();
      return Promise.resolve();
    },
  });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
