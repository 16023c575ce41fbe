import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  OrdersServiceClient,
  OrdersServiceDefinition,
  PlaceOrderRequest,
} from '../../../gen/shop/orders/v1/orders.ts';
import { MeshError } from '../../kernel/error.ts';
import { toMeshError } from '../status.ts';
import { startTestServer, type TestServer } from './test-server.ts';

let shop: TestServer;
let client: OrdersServiceClient;
let fails: () => unknown;

beforeAll(async () => {
  shop = await startTestServer((server) => {
    server.add(OrdersServiceDefinition, {
      placeOrder: () => Promise.reject(fails() as Error),
      getOrder: (_request, { setTrailer }) => {
        setTrailer('x-shard', '7');
        throw fails();
      },
      async *watchOrder() {
        yield { order: undefined };
        throw fails();
      },
    });
  });
  client = shop.client(OrdersServiceClient);
});

afterAll(() => shop.close());

beforeEach(() => {
  shop.lines.length = 0;
  shop.logged.length = 0;
  shop.spans.length = 0;
});

const order = PlaceOrderRequest.create({
  idempotencyKey: 'key-00000001',
  customerId: 'cus_1',
  cardToken: 'tok_visa',
  lines: [{ sku: 'TEA-GREEN', quantity: 1 }],
});

function place(request: PlaceOrderRequest): Promise<ServiceError> {
  return new Promise((resolve, reject) => {
    client.placeOrder(request, new Metadata(), (error) => {
      if (error) resolve(error);
      else reject(new Error('the call did not fail'));
    });
  });
}

const facts = { service: 'shop.orders.v1.OrdersService', method: 'PlaceOrder' };

describe('an error that a handler meant', () => {
  test('arrives with status, reason, violations, facts and the wish to wait', async () => {
    fails = () =>
      new MeshError('no stock: "Grüner Tee"', {
        status: 'FAILED_PRECONDITION',
        reason: 'OUT_OF_STOCK',
        details: {
          facts: { sku: 'TEA-GREEN' },
          violations: [{ field: 'lines[0].sku', description: 'is sold out', reason: 'SOLD_OUT' }],
          retryAfterMs: 1500,
        },
      });
    const wire = await place(order);
    expect(wire.metadata.get('grpc-retry-pushback-ms')).toEqual(['1500']);
    const error = toMeshError(wire, facts);
    expect(error).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'OUT_OF_STOCK' });
    expect(error.message).toContain('no stock: "Grüner Tee"');
    expect(error.details).toEqual({
      facts: { sku: 'TEA-GREEN', ...facts },
      violations: [{ field: 'lines[0].sku', description: 'is sold out', reason: 'SOLD_OUT' }],
      retryAfterMs: 1500,
    });
    expect(shop.lines).toEqual(['debug call refused']);
    expect(shop.spans).toEqual([expect.objectContaining({ status: 'FAILED_PRECONDITION' })]);
  });

  test('is the same when thrown at once, and keeps the trailers that were set', async () => {
    fails = () => new MeshError('no such order', { status: 'NOT_FOUND' });
    const error = await new Promise<ServiceError>((resolve) => {
      client.getOrder({ orderId: 'ord_1' }, (thrown) => {
        if (thrown) resolve(thrown);
      });
    });
    expect(error).toMatchObject({ code: status.NOT_FOUND, details: 'no such order' });
    expect(error.metadata.get('x-shard')).toEqual(['7']);
  });

  test('ends a stream after what was sent before', async () => {
    fails = () => new MeshError('changed too often', { status: 'ABORTED', reason: 'BUSY' });
    let received = 0;
    const stream = client.watchOrder({ orderId: 'ord_1' });
    const error = await new Promise<ServiceError>((resolve) => {
      stream.on('data', () => received++);
      stream.on('error', (thrown) => {
        resolve(thrown as ServiceError);
      });
    });
    expect(received).toBe(1);
    expect(toMeshError(error, facts)).toMatchObject({ status: 'ABORTED', reason: 'BUSY' });
  });
});

describe('an error that nobody meant', () => {
  test('is generic outward and whole in the log, under the same trace', async () => {
    fails = () => new TypeError('select * from cards where token = tok_secret');
    const error = toMeshError(await place(order), facts);
    expect(error).toMatchObject({ status: 'INTERNAL', reason: 'HANDLER_FAILED' });
    expect(error.message).not.toMatch(/select|tok_secret|TypeError|at /);
    expect(shop.lines).toEqual(['error handler failed']);
    const [line] = shop.logged;
    expect(String(line?.['err'])).toContain('tok_secret');
    expect(error.message).toContain(String(line?.['traceId']));
  });

  test('stays generic when it comes wrapped as UNKNOWN', async () => {
    fails = () => MeshError.from(new Error('password is hunter2'));
    const error = toMeshError(await place(order), facts);
    expect(error).toMatchObject({ status: 'INTERNAL', reason: 'HANDLER_FAILED' });
    expect(error.message).not.toContain('hunter2');
  });

  test('may be anything that can be thrown', async () => {
    for (const thrown of [
      undefined,
      null,
      'text',
      42,
      { code: 5, details: 'looks like a status' },
    ]) {
      fails = () => thrown;
      expect((await place(order)).code).toBe(status.INTERNAL);
    }
  });
});

describe('a request that breaks the rules of the schema', () => {
  test('never reaches the handler, and every field at fault is named', async () => {
    fails = () => new Error('the handler ran');
    const bad = { ...order, cardToken: '', lines: [{ sku: 'TEA-GREEN', quantity: -1 }] };
    const error = toMeshError(await place(bad), facts);
    expect(error).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
    expect(error.details.violations).toEqual([
      {
        field: 'lines[0].quantity',
        description: 'must be at least 1; received -1',
        reason: 'MIN',
      },
      expect.objectContaining({ field: 'card_token', reason: 'REQUIRED' }),
    ]);
    expect(shop.lines).toEqual(['debug call refused']);
  });
});
