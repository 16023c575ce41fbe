import { connect } from 'node:net';
import { type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  HealthClient,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/grpc/health/v1/health.ts';
import {
  type GetOrderResponse,
  Order,
  OrdersServiceClient,
  OrdersServiceDefinition,
} from '../../../gen/shop/orders/v1/orders.ts';
import { MeshError } from '../../kernel/error.ts';
import { eventually } from '../../testing/eventually.ts';
import { toMeshError } from '../status.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let shop: TestServer;
/** Ends the running GetOrder calls. */
let release: () => void;
let running = 0;
let aborted: MeshError | undefined;

beforeEach(async () => {
  running = 0;
  aborted = undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  shop = await startTestServer((server) => {
    server.add(OrdersServiceDefinition, {
      placeOrder: () => Promise.resolve({ order: undefined }),
      async getOrder({ orderId }, { signal }) {
        running++;
        signal.addEventListener('abort', () => {
          aborted = MeshError.from(signal.reason);
        });
        await released;
        return { order: Order.create({ orderId }) };
      },
      async *watchOrder({ orderId }, { draining }) {
        yield { order: Order.create({ orderId }) };
        await new Promise((resolve) => {
          draining.addEventListener('abort', resolve);
        });
        yield { order: Order.create({ orderId: 'last words' }) };
      },
    });
  });
});

afterEach(async () => {
  release();
  await shop.close();
});

const facts = { service: 'shop.orders.v1.OrdersService', method: 'GetOrder' };

function getOrder(client: OrdersServiceClient): Promise<GetOrderResponse> {
  return new Promise((resolve, reject) => {
    client.getOrder({ orderId: 'ord_1' }, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

function failureOf(call: Promise<unknown>): Promise<MeshError> {
  return call.then(
    () => Promise.reject(new Error('the call did not fail')),
    (error: unknown) => toMeshError(error as ServiceError, facts),
  );
}

describe('a drain', () => {
  test('lets running calls finish, refuses new ones as safe to repeat, and then is over', async () => {
    const call = getOrder(shop.client(OrdersServiceClient));
    await eventually(() => running === 1);
    let over = false;
    const drained = shop.server.drain({ graceMs: 10_000 }).then(() => {
      over = true;
    });
    const refused = await failureOf(getOrder(shop.client(OrdersServiceClient)));
    expect(refused).toMatchObject({ status: 'UNAVAILABLE', reason: 'DRAINING' });
    expect(running).toBe(1);
    expect(over).toBe(false);
    release();
    expect((await call).order?.orderId).toBe('ord_1');
    await drained;
    expect(aborted).toBeUndefined();
    await refusedConnection(shop.port);
  });

  test('says NOT_SERVING to whoever still asks, and sends watchers away', async () => {
    void getOrder(shop.client(OrdersServiceClient));
    const watch = shop.client(HealthClient).watch({ service: '' });
    const seen: number[] = [];
    const ended = new Promise<ServiceError>((resolve) => {
      watch.on('data', (answer: { status: number }) => seen.push(answer.status));
      watch.on('error', (error) => {
        resolve(error as ServiceError);
      });
    });
    await eventually(() => running === 1 && seen.length === 1);
    const drained = shop.server.drain({ graceMs: 10_000 });
    const answer = await new Promise<{ status: number }>((resolve, reject) => {
      shop.client(HealthClient).check({ service: '' }, (error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
    });
    expect(answer.status).toBe(ServingStatus.NOT_SERVING);
    expect(toMeshError(await ended, facts).reason).toBe('SERVER_STOPPING');
    expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
    release();
    await drained;
  });

  test('tells handlers of long streams to come to an end', async () => {
    const stream = shop.client(OrdersServiceClient).watchOrder({ orderId: 'ord_1' });
    const seen: string[] = [];
    const ended = new Promise((resolve) => stream.on('end', resolve));
    stream.on('data', ({ order }: { order: Order }) => seen.push(order.orderId));
    await eventually(() => seen.length === 1);
    await shop.server.drain({ graceMs: 10_000 });
    await ended;
    expect(seen).toEqual(['ord_1', 'last words']);
  });

  test('ends by force what outlives its grace, and says that the outcome is not known', async () => {
    const failed = failureOf(getOrder(shop.client(OrdersServiceClient)));
    await eventually(() => running === 1);
    await shop.server.drain({ graceMs: 50 });
    expect(await failed).toMatchObject({ status: 'UNAVAILABLE', reason: 'SERVER_STOPPED' });
    expect(aborted?.reason).toBe('SERVER_STOPPED');
    expect(shop.lines).toContain('warn calls ended by force: the grace of the drain is over');
    await refusedConnection(shop.port);
  });

  test('is hurried by close, and both end', async () => {
    const failed = failureOf(getOrder(shop.client(OrdersServiceClient)));
    await eventually(() => running === 1);
    const begun = performance.now();
    const drained = shop.server.drain({ graceMs: 60_000 });
    await shop.server.close();
    await drained;
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect((await failed).status).toBe('UNAVAILABLE');
  });
});

describe('closing', () => {
  test('an idle server is over at once, connections of clients included', async () => {
    const client = shop.client(OrdersServiceClient);
    release();
    await getOrder(client);
    const begun = performance.now();
    await shop.server.close();
    expect(performance.now() - begun).toBeLessThan(900);
    await shop.server.close();
    await expect(getOrder(client)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  test('a connection that never spoke does not hold it up', async () => {
    const socket = connect(shop.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await shop.server.close();
    await closed;
  });
});

function refusedConnection(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      reject(new Error('the port is still open'));
    });
    socket.on('error', () => {
      resolve();
    });
  });
}
