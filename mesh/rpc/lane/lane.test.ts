import { credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  InventoryServiceClient,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import { systemClock } from '../../kernel/clock.ts';
import { deadlineIn } from '../../kernel/deadline.ts';
import type { Endpoint } from '../../kernel/endpoint.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import { neverReached, UnreachedError } from '../../resilience/unreached.ts';
import { weftImage } from '../../schema/image.ts';
import { type Cable, createCable } from '../../testing/cable.ts';
import { errorOf } from '../../testing/error-of.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory } from '../../testing/shop-handlers.ts';
import { attempt, getStockMethod } from '../../testing/transport-contract-rig.ts';
import { createPlainTransport, type PlainTransportOptions } from '../plain/transport.ts';
import type { Implementation } from '../server/implementation.ts';
import type { ServerOptions } from '../server/options.ts';
import { createServer, type MeshServer } from '../server/server.ts';
import type { LanedConnection } from './connection.ts';
import { createLaneTransport, type LaneTransportOptions } from './transport.ts';

const opened: Closeable[] = [];
afterEach(() => closeAll(opened.splice(0)));

type GetStock = Implementation<typeof InventoryServiceDefinition>['getStock'];

interface Mesh {
  readonly server: MeshServer;
  readonly cable: Cable;
  readonly connection: LanedConnection;
  call(sku: string, ms?: number): Promise<{ item?: { sku: string } | undefined }>;
}

interface MeshOptions {
  readonly getStock?: GetStock;
  readonly server?: Partial<ServerOptions>;
  readonly lane?: Partial<LaneTransportOptions>;
  readonly plain?: PlainTransportOptions;
  readonly metadata?: Record<string, string>;
  /** Waits for the lane. Default true. */
  readonly ready?: boolean;
}

async function start(options: MeshOptions = {}): Promise<Mesh> {
  const { getStock, metadata = { 'weft-lane': '1' }, ready = true } = options;
  const server = createServer({ image: weftImage(), ...options.server });
  server.add(InventoryServiceDefinition, inventory(getStock && { getStock }));
  const { port } = await server.listen();
  const cable = await createCable(port);
  const endpoint: Endpoint = {
    ...{ instanceId: 'i', service: 'inventory', host: '127.0.0.1', port: cable.port, metadata },
  };
  const transport = createLaneTransport({
    plain: createPlainTransport(options.plain),
    ...options.lane,
  });
  const connection = transport.open(endpoint);
  opened.push(server, cable, connection);
  const call: Mesh['call'] = (sku, ms = 5000) =>
    connection.unary(
      getStockMethod,
      { sku },
      attempt.context(getStockMethod, { deadline: deadlineIn(ms, systemClock) }),
    );
  if (ready) {
    await eventually(async () => {
      await call('WARM-UP').catch(() => undefined);
      return connection.stats().lanes > 0;
    });
  }
  return { server, cable, connection, call };
}

const answer: GetStock = ({ sku }) =>
  Promise.resolve({ item: { sku, available: 1n, reserved: 0n, unitPrice: undefined } });

/** Answers when it is let go. */
function gate(): { readonly getStock: GetStock; open(): void; waiting(): number } {
  const release = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    async getStock(request, context) {
      if (request.sku === 'WARM-UP') return answer(request, context);
      waiting++;
      await release.promise;
      return answer(request, context);
    },
    open: () => {
      release.resolve();
    },
    waiting: () => waiting,
  };
}

describe('what takes a lane', () => {
  test('is every unary call that fits, many of them in one message', async () => {
    const { connection, call } = await start();
    const before = connection.stats();
    await Promise.all(Array.from({ length: 64 }, (_, i) => call(`SKU-${String(i)}`)));
    const after = connection.stats();
    expect(after.laneCalls - before.laneCalls).toBe(64);
    expect(after.writes - before.writes).toBeLessThanOrEqual(4);
    expect(after.written - before.written).toBe(64);
  });

  test('is nothing, to an instance that does not say that it serves lanes', async () => {
    const { connection, call } = await start({ metadata: {}, ready: false });
    for (let i = 0; i < 3; i++) await call('TEA');
    expect(connection.stats()).toMatchObject({ lanes: 0, laneCalls: 0 });
    expect(connection.stats().plainCalls['no-lane']).toBe(3);
  });

  test('is nothing, where lanes are switched off', async () => {
    const { connection, call } = await start({ lane: { enabled: false }, ready: false });
    for (let i = 0; i < 3; i++) await call('TEA');
    expect(connection.stats()).toMatchObject({ lanes: 0, laneCalls: 0 });
  });

  test('is nothing, to a server that said it would serve lanes and does not; and no call fails', async () => {
    const { connection, call } = await start({ server: { lane: false }, ready: false });
    for (let i = 0; i < 20; i++) expect((await call('TEA')).item?.sku).toBe('TEA');
    expect(connection.stats()).toMatchObject({ lanes: 0, laneCalls: 0 });
    expect(connection.stats().plainCalls.opening).toBe(20);
  });

  test('is not a large request, which others would wait behind', async () => {
    const { connection, call } = await start();
    const { laneCalls } = connection.stats();
    await errorOf(call('x'.repeat(200_000)));
    expect(connection.stats()).toMatchObject({ laneCalls, plainCalls: { body: 1 } });
  });

  test('has its large response in a message of its own', async () => {
    const { connection, call } = await start({
      getStock: ({ sku }, context) =>
        answer({ sku: sku === 'BIG' ? 'x'.repeat(100_000) : sku }, context),
    });
    const skus = Array.from({ length: 20 }, (_, i) => (i % 5 === 0 ? 'BIG' : 'TEA'));
    const answers = await Promise.all(skus.map((sku) => call(sku)));
    expect(answers.map(({ item }) => item?.sku.length)).toEqual(
      skus.map((sku) => (sku === 'BIG' ? 100_000 : 3)),
    );
    expect(connection.stats().plainCalls.body).toBe(0);
  });

  test('does not hold up others that are faster', async () => {
    const slow = gate();
    const { call } = await start({
      getStock: (request, context) =>
        request.sku === 'SLOW' ? slow.getStock(request, context) : answer(request, context),
    });
    const order: string[] = [];
    const calls = ['SLOW', 'A', 'B'].map(async (sku) => {
      await call(sku);
      order.push(sku);
    });
    await eventually(() => order.length === 2);
    slow.open();
    await Promise.all(calls);
    expect(order.at(-1)).toBe('SLOW');
  });
});

describe('a full lane', () => {
  test('is joined by a second one, on a connection of its own', async () => {
    const slow = gate();
    const { cable, connection, call } = await start({ getStock: slow.getStock });
    expect(cable.connections).toBe(1);
    const calls = Array.from({ length: 1000 }, () => call('TEA', 20_000));
    await eventually(() => slow.waiting() === 1000);
    const more = call('TEA', 20_000);
    await eventually(() => connection.stats().lanes === 2);
    expect(cable.connections).toBe(2);
    const rest = Array.from({ length: 1000 }, () => call('TEA', 20_000));
    await eventually(() => slow.waiting() >= 2000);
    slow.open();
    await Promise.all([...calls, more, ...rest]);
  });

  test('refuses what is too much, before it is sent, and answers the rest', async () => {
    const slow = gate();
    const { connection, call } = await start({
      getStock: slow.getStock,
      lane: { maxLanes: 1, maxOverflow: 10 },
    });
    const outcomes = Array.from({ length: 1100 }, () =>
      call('TEA', 20_000).then(
        () => 'OK',
        (thrown: unknown) => MeshError.from(thrown),
      ),
    );
    await eventually(() => slow.waiting() === 1034);
    slow.open();
    const seen = await Promise.all(outcomes);
    const refused = seen.filter((outcome) => outcome instanceof MeshError);
    expect(refused).toHaveLength(1100 - 1034);
    for (const error of refused) {
      expect(error).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'LANE_FULL' });
    }
    expect(connection.stats().plainCalls.full).toBe(10);
  });
});

describe('a lane that ends', () => {
  test('loses no call when its server drains under load: each is answered, or never reached a handler', async () => {
    let handled = 0;
    const { server, call } = await start({
      getStock: async (request, context) => {
        handled++;
        await systemClock.sleep(handled % 7);
        return answer(request, context);
      },
    });
    let drained: Promise<void> | undefined;
    let answered = 0;
    let unreached = 0;
    const failures: MeshError[] = [];
    handled = 0;
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        for (let i = 0; i < 50; i++) {
          if (answered > 300) drained ??= server.drain({ graceMs: 5000 });
          try {
            await call('TEA');
            answered++;
          } catch (thrown) {
            const error = MeshError.from(thrown);
            if (neverReached(error)) unreached++;
            else failures.push(error);
          }
        }
      }),
    );
    await drained;
    expect(failures).toEqual([]);
    expect(answered).toBe(handled);
    expect(unreached).toBeGreaterThan(0);
  });

  test('is found dead when the host says nothing more, long before the deadline', async () => {
    const slow = gate();
    const { cable, call } = await start({
      getStock: slow.getStock,
      plain: { keepaliveMs: 200, keepaliveTimeoutMs: 200 },
    });
    const pending = errorOf(call('TEA', 60_000));
    await eventually(() => slow.waiting() === 1);
    cable.freeze();
    const error = await pending;
    expect(error.status).toBe('UNAVAILABLE');
    expect(error).not.toBeInstanceOf(UnreachedError);
    slow.open();
  });

  test('is found dead while nothing is said on it, by both sides', async () => {
    const slow = gate();
    let gone = false;
    const { cable, connection, server, call } = await start({
      getStock: (request, context) => {
        if (request.sku === 'SLOW') {
          context.signal.addEventListener('abort', () => {
            gone = true;
          });
        }
        return slow.getStock(request, context);
      },
      server: { keepaliveMs: 200 },
      plain: { keepaliveMs: 200, keepaliveTimeoutMs: 200 },
    });
    const pending = errorOf(call('SLOW', 60_000));
    await eventually(() => slow.waiting() === 1);
    cable.freeze();
    await pending;
    expect(connection.stats().lanes).toBe(0);
    // The server waits for its ping for five seconds.
    await eventually(() => gone && server.laneStats()?.lanes === 0);
    slow.open();
  });

  test('is opened again after its connection broke', async () => {
    const { cable, connection, call } = await start();
    await cable.cut();
    await eventually(async () => (await errorOf(call('TEA'))) instanceof UnreachedError);
    expect(connection.stats().lanes).toBe(0);
    await cable.mend();
    await eventually(async () => {
      await call('TEA').catch(() => undefined);
      return connection.stats().lanes === 1;
    });
    const { laneCalls } = connection.stats();
    expect((await call('TEA')).item?.sku).toBe('TEA');
    expect(connection.stats().laneCalls).toBe(laneCalls + 1);
  });
});

describe('whoever knows no lanes', () => {
  test('calls the same server plainly', async () => {
    const { cable, call } = await start();
    const stub = new InventoryServiceClient(
      `127.0.0.1:${String(cable.port)}`,
      credentials.createInsecure(),
    );
    const foreign = await new Promise((resolve, reject) => {
      stub.getStock({ sku: 'TEA' }, (error, response) => {
        if (error === null) resolve(response);
        else reject(error);
      });
    });
    stub.close();
    expect(foreign).toEqual(await call('TEA'));
  });
});
