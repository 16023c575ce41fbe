import { type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type HealthCheckResponse,
  HealthClient,
  type HealthListResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/grpc/health/v1/health.ts';
import { OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import { eventually } from '../../testing/eventually.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const orders = 'shop.orders.v1.OrdersService';
const unused = (): Promise<never> => Promise.reject(new Error('not called in this test'));
async function* never(): AsyncGenerator<never> {
  yield* [];
}

let shop: TestServer;
let client: HealthClient;

beforeAll(async () => {
  shop = await startTestServer((server) => {
    server.add(OrdersServiceDefinition, {
      placeOrder: unused,
      getOrder: unused,
      watchOrder: never,
    });
  });
  client = shop.client(HealthClient);
});

afterAll(() => shop.close());

function check(service: string): Promise<HealthCheckResponse> {
  return new Promise((resolve, reject) => {
    client.check({ service }, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

test('the server and each of its services serve once it listens', async () => {
  expect((await check('')).status).toBe(ServingStatus.SERVING);
  expect((await check(orders)).status).toBe(ServingStatus.SERVING);
  expect((await check('grpc.health.v1.Health')).status).toBe(ServingStatus.SERVING);
});

test('a service that is not known is NOT_FOUND, with those that are', async () => {
  const error = await check('shop.Nothing').catch((thrown: unknown) => thrown as ServiceError);
  expect(error).toMatchObject({ code: status.NOT_FOUND });
  expect((error as ServiceError).details).toContain(orders);
});

test('a watch tells the status at once and at every change, of that service only', async () => {
  const seen: number[] = [];
  const watch = client.watch({ service: orders });
  watch.on('error', () => undefined);
  watch.on('data', (answer: HealthCheckResponse) => seen.push(answer.status));
  await eventually(() => seen.length === 1);
  shop.server.setHealth('', 'NOT_SERVING');
  shop.server.setHealth(orders, 'NOT_SERVING');
  await eventually(() => seen.length === 2);
  shop.server.setHealth(orders, 'NOT_SERVING');
  shop.server.setHealth('', 'SERVING');
  shop.server.setHealth(orders, 'SERVING');
  await eventually(() => seen.length === 3);
  watch.cancel();
  expect(seen).toEqual([1, 2, 1]);
});

test('a watch of an unknown service waits until it becomes known', async () => {
  const seen: number[] = [];
  const watch = client.watch({ service: 'shop.Later' });
  watch.on('error', () => undefined);
  watch.on('data', (answer: HealthCheckResponse) => seen.push(answer.status));
  await eventually(() => seen.length === 1);
  shop.server.setHealth('shop.Later', 'SERVING');
  await eventually(() => seen.length === 2);
  watch.cancel();
  expect(seen).toEqual([ServingStatus.SERVICE_UNKNOWN, ServingStatus.SERVING]);
});

test('the list holds all of them', async () => {
  const { statuses } = await new Promise<HealthListResponse>((resolve, reject) => {
    client.list({}, (error, response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
  expect(statuses['']).toEqual({ status: ServingStatus.SERVING });
  expect(statuses[orders]).toEqual({ status: ServingStatus.SERVING });
});
